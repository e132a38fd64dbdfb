import { InvalidArgumentError } from "commander";

/** The last link of a hash chain as an earlier verification printed it. */
export type ChainHead = { readonly number: number; readonly hash: string };

/** Reads a head from the command line, as in `12:ab…`. */
export function toChainHead(text: string): ChainHead {
  const [, number, hash] = /^([1-9]\d{0,14}):([\da-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined)
    throw new InvalidArgumentError(
      "must be a number from 1, a colon and 64 lower-case hexadecimal digits",
    );
  return { number: Number(number), hash };
}

export const expectOption = [
  "--expect <number:hash>",
  "the head that an earlier verification printed",
  toChainHead,
] as const;
