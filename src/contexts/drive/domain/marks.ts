import type { Sha256 } from "./content.ts";

/** Bits for each chunk, and how many of them one chunk sets: some in a hundred that are not marked are taken for marked. */
const [bitsOfOne, marksOfOne] = [12, 6];
const fewestBits = 65_536;
const [bitsOfWord, hexOfWord] = [32, 8];

/** Marks of chunks, in little memory: a Bloom filter. The words of a SHA-256 are as good as independent hashes. */
export class Marks {
  readonly #bits: number;
  readonly #words: Uint32Array;

  constructor(expected: number) {
    this.#bits = Math.max(expected * bitsOfOne, fewestBits);
    this.#words = new Uint32Array(Math.ceil(this.#bits / bitsOfWord));
  }

  add(hash: Sha256): void {
    for (const bit of this.#bitsOf(hash)) {
      const word = Math.floor(bit / bitsOfWord);
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (bit % bitsOfWord));
    }
  }

  /** True for all that were added, and for few others. */
  mayHave(hash: Sha256): boolean {
    return this.#bitsOf(hash).every((bit) => {
      const word = this.#words[Math.floor(bit / bitsOfWord)] ?? 0;
      return (word & (1 << (bit % bitsOfWord))) !== 0;
    });
  }

  #bitsOf(hash: Sha256): readonly number[] {
    return Array.from({ length: marksOfOne }, (_, i) => {
      const word = hash.slice(i * hexOfWord, (i + 1) * hexOfWord);
      return Number.parseInt(word, 16) % this.#bits;
    });
  }
}
