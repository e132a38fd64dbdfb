/** How a text may be encoded that comes from outside. */
export const encodings = ["utf-8", "windows-1252", "utf-16le", "utf-16be"] as const;
export type Encoding = (typeof encodings)[number];

const marks: readonly (readonly [Encoding, readonly number[]])[] = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];
const longestMark = 3;

const markedAs = (bytes: Uint8Array): Encoding | undefined =>
  marks.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte))?.[0];

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/** The bytes of a letter that begins with this byte in UTF-8. Source: RFC 3629. */
const bytesOfLetter = (first: number): number => {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
};

/**
 * Decodes text as it arrives. A byte order mark says how it is encoded. Without one it is ASCII up to its
 * first other letter: if that is one of UTF-8, the text is UTF-8, else Windows-1252. Throws where later bytes are not.
 */
export class TextReader {
  encoding: Encoding | undefined;
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #waiting: Uint8Array = new Uint8Array();
  #isBegun = false;

  /** The text of these bytes, and of those that waited. Without bytes: of the end. */
  read(bytes?: Uint8Array): string {
    const isEnd = bytes === undefined;
    if (this.#decoder) return this.#decoder.decode(bytes, { stream: !isEnd });
    const known = Buffer.concat([this.#waiting, bytes ?? new Uint8Array()]);
    this.#waiting = new Uint8Array();
    if (!this.#isBegun && known.length < longestMark && !isEnd) return this.#wait(known);
    const marked = this.#isBegun ? undefined : markedAs(known);
    this.#isBegun = true;
    if (marked) return this.#decide(marked, known, isEnd);

    const at = known.findIndex((byte) => byte >= 0x80);
    if (at === -1) return known.toString("latin1");
    const letter = known.subarray(at, at + bytesOfLetter(known[at] ?? 0));
    if (letter.length < bytesOfLetter(known[at] ?? 0) && !isEnd)
      return known.subarray(0, at).toString("latin1") + this.#wait(known.subarray(at));
    return this.#decide(isUtf8(letter) ? "utf-8" : "windows-1252", known, isEnd);
  }

  #wait(bytes: Uint8Array): string {
    this.#waiting = bytes;
    return "";
  }

  #decide(encoding: Encoding, bytes: Uint8Array, isEnd: boolean): string {
    this.encoding = encoding;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
    return this.#decoder.decode(bytes, { stream: !isEnd });
  }
}
