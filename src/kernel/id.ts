import type { Clock } from "./instant.ts";
import { branded, type Brand, type Value } from "./shape.ts";

/** A TypeID: a prefix that says of what, and a UUIDv7, as in `user_01h455vb4pex5vsknk084sn02q`. */
export type Id<Prefix extends string> = Brand<string, Prefix>;

/** A kind of identifier. `from` spells 16 bytes; `parse` accepts only that spelling. */
export type IdKind<I extends Id<string>> = Value<I> & {
  readonly prefix: string;
  readonly from: (bytes: Uint8Array) => I;
};

/** Port: identifiers never given out before, in the order of their making. */
export type NewId = <I extends Id<string>>(kind: IdKind<I>) => I;

/** Port: `size` unpredictable bytes. */
export type Random = (size: number) => Uint8Array;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Crockford's base 32 of 16 bytes: 26 characters, of which the first is at most 7. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 2; // 26 * 5 = 130 bits: two zero bits stand in front
  let carry = 0;
  for (const byte of bytes) {
    carry = (carry << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(carry >>> bits) & 31];
    }
    carry &= (1 << bits) - 1;
  }
  return text;
}

/** Declares a kind of identifier. Source: the TypeID specification 0.3. */
export function identifier<I extends Id<string>>(prefix: string): IdKind<I> {
  const value = branded<Id<string>>(`${prefix} id`, {
    schema: {
      type: "string",
      pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`,
      maxLength: prefix.length + 27,
    },
    says: `an id that begins with ${prefix}_`,
  });
  return {
    ...(value as Value<I>),
    prefix,
    from: (bytes) => `${prefix}_${base32(bytes)}` as I,
  };
}

/**
 * Makes identifiers from a clock and randomness: UUIDv7 (RFC 9562), whose 12 bits after the time
 * count up within one millisecond, so that ids sort in the order in which they were made.
 */
export function createIds({
  clock,
  random,
}: {
  readonly clock: Clock;
  readonly random: Random;
}): NewId {
  let lastMs = 0;
  let counter = 0;
  return (kind) => {
    const nowMs = clock.unixMs();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = 0;
    } else if (counter === 0xfff) {
      lastMs += 1;
      counter = 0;
    } else {
      counter += 1;
    }
    return kind.from(uuidv7(lastMs, counter, random(8)));
  };
}

function uuidv7(unixMs: number, counter: number, random: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  const high = Math.floor(unixMs / 0x10000);
  const low = unixMs % 0x10000;
  bytes[0] = high >>> 24;
  bytes[1] = high >>> 16;
  bytes[2] = high >>> 8;
  bytes[3] = high;
  bytes[4] = low >>> 8;
  bytes[5] = low;
  bytes[6] = 0x70 | (counter >>> 8);
  bytes[7] = counter;
  for (let i = 0; i < 8; i += 1) bytes[8 + i] = random[i] ?? 0;
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return bytes;
}
