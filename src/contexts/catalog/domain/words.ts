/** Longer words are cut: nobody types them. */
const maxWordLength = 64;

/** Between two letters: half of one is no text. */
const cut = (word: string): string =>
  word.length > maxWordLength ? Array.from(word).slice(0, maxWordLength).join("") : word;

/** Without case and accents: `Café` as `cafe`. */
export const plain = (text: string): string =>
  text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();

/** The words of some texts, each once: `T-Shirt, rouge` has `t`, `shirt` and `rouge`. */
export const wordsOf = (...texts: readonly string[]): readonly string[] => {
  const words = plain(texts.join(" ")).match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words.map(cut))];
};
