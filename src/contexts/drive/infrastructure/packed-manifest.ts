import type { Manifest, Sha256 } from "../domain/content.ts";

/** Digits of a SHA-256 and of a size, in hexadecimal. */
const [hashDigits, sizeDigits] = [64, 8];

/** The hashes of chunks, one after the other. */
export const hexOfHashes = (manifest: Manifest): string =>
  manifest.map(({ hash }) => hash).join("");

export const hexOfSizes = (manifest: Manifest): string =>
  manifest.map(({ size }) => size.toString(16).padStart(sizeDigits, "0")).join("");

export const hashesIn = (hashes: string): readonly Sha256[] =>
  Array.from(
    { length: hashes.length / hashDigits },
    (_, i) => hashes.slice(i * hashDigits, (i + 1) * hashDigits) as Sha256,
  );

type Packed = { readonly hashes: string; readonly sizes: string };

export const manifestIn = ({ hashes, sizes }: Packed): Manifest =>
  hashesIn(hashes).map((hash, i) => ({
    hash,
    size: Number.parseInt(sizes.slice(i * sizeDigits, (i + 1) * sizeDigits), 16),
  }));
