/**
 * The bytes of a body in slices, one after the other: the next one is to be asked for once the one before was read. A body that breaks off ends with its
 * last slice, and `rethrow` throws its error then; if it is to be whole, it throws at once.
 */
export function slicing(
  body: AsyncIterable<Uint8Array>,
  { most, isWhole }: { readonly most: number; readonly isWhole: boolean },
) {
  const source = body[Symbol.asyncIterator]();
  let rest: Uint8Array | undefined;
  const end: { isThere: boolean; broken?: { readonly error: unknown } } = { isThere: false };

  async function pulled(): Promise<Uint8Array | undefined> {
    try {
      const { value, done } = await source.next();
      if (done !== true) return value;
    } catch (error) {
      if (isWhole) throw error;
      end.broken = { error };
    }
    end.isThere = true;
    return undefined;
  }

  async function* slice(): AsyncGenerator<Uint8Array> {
    for (let left = most; left > 0;) {
      const piece = rest ?? (await pulled());
      if (!piece) return;
      rest = piece.length > left ? piece.subarray(left) : undefined;
      yield rest ? piece.subarray(0, left) : piece;
      left -= Math.min(piece.length, left);
    }
  }

  return {
    async *all(): AsyncGenerator<AsyncGenerator<Uint8Array>> {
      do yield slice();
      while (rest || !end.isThere);
    },
    rethrow(): void {
      if (end.broken) throw end.broken.error;
    },
  };
}
