/** Sizes of chunks, in bytes. The last chunk of a file may be smaller than the least. */
export const chunkBytes = { least: 16_384, usual: 65_536, most: 262_144 } as const;

/**
 * 256 numbers without a pattern, by which bytes are told apart. They are part of the format: with others, the same file would be cut elsewhere, and none of its
 * chunks would be known. Source: splitmix32.
 */
const gear: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  const mixed = Math.imul(
    ((byte + 1) * 0x9e37_79b9) ^ (((byte + 1) * 0x9e37_79b9) >>> 16),
    0x21f0_aaad,
  );
  const again = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
  return again ^ (again >>> 15);
});

/** Before the usual size a cut is a quarter as likely as at it, and after it four times as likely: sizes gather around the usual one. */
const [rareCut, commonCut] = [0xffff_c000 | 0, 0xfffc_0000 | 0];

/**
 * Where the chunk that begins at `from` ends: content-defined chunking by a gear hash with normalized sizes, so that an edit changes the
 * chunks around it and no others. Undefined where that depends on bytes that have not come yet; `isLast` says that none will come.
 * Source: FastCDC, Xia et al., 2016.
 */
export function cutAfter(bytes: Uint8Array, from: number, isLast: boolean): number | undefined {
  const available = bytes.length - from;
  const end = from + Math.min(available, chunkBytes.most);
  const usual = Math.min(from + chunkBytes.usual, end);
  let hash = 0;
  let at = Math.min(from + chunkBytes.least, end);
  for (; at < usual; at += 1) {
    hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
    if ((hash & rareCut) === 0) return at + 1;
  }
  for (; at < end; at += 1) {
    hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
    if ((hash & commonCut) === 0) return at + 1;
  }
  return isLast || available >= chunkBytes.most ? end : undefined;
}
