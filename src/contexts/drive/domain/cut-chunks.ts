import { cutAfter } from "./chunking.ts";

/** Half the memory of one cutting at most, whose chunks come together; a small file takes less. */
const windowBytes = 2 ** 20;
const [firstBytes, growth] = [16_384, 4];

/**
 * Cuts bytes into chunks while they arrive. Chunks lie in one of two windows by turns: they stay as they are until the
 * answer after the next one is asked for.
 */
export async function* chunksOf(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Uint8Array[]> {
  let [window, other] = [new Uint8Array(firstBytes), new Uint8Array(0)];
  let filled = 0;
  const cut = (isLast: boolean): readonly Uint8Array[] => {
    const chunks: Uint8Array[] = [];
    const full = window.subarray(0, filled);
    for (let at = 0; at < filled;) {
      const end = cutAfter(full, at, isLast);
      if (end === undefined) break;
      chunks.push(full.subarray(at, end));
      at = end;
    }
    return chunks;
  };
  const goOnBehind = (chunks: readonly Uint8Array[]) => {
    const end = chunks.reduce((sum, { length }) => sum + length, 0);
    const rest = window.subarray(end, filled);
    [window, other] = [other.length === 0 ? new Uint8Array(windowBytes) : other, window];
    window.set(rest);
    filled = rest.length;
  };
  for await (const piece of bytes)
    for (let taken = 0; taken < piece.length;) {
      const some = piece.subarray(taken, taken + window.length - filled);
      window.set(some, filled);
      filled += some.length;
      taken += some.length;
      if (filled < window.length) continue;
      if (window.length < windowBytes) window = grown(window);
      else {
        const chunks = cut(false);
        yield chunks;
        goOnBehind(chunks);
      }
    }
  if (filled > 0) yield cut(true);
}

function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(bytes.length * growth, windowBytes));
  larger.set(bytes);
  return larger;
}
