import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import os from "node:os";
import { promisify } from "node:util";
import { bulkhead, BulkheadRejectedError } from "cockatiel";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Passwords, TooBusy } from "../application/ports.ts";
import type { PasswordHash } from "../domain/password.ts";

/** Cost of a hash. `memoryKib`: in KiB. */
export type Argon2Cost = {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
};

/** About 40 ms of one core. Source: OWASP Password Storage Cheat Sheet, first choice. */
export const recommendedCost: Argon2Cost = { memoryKib: 19_456, passes: 2, lanes: 1 };

export type Argon2Options = {
  readonly cost: Argon2Cost;
  /** Hashes made at once: below the size of libuv's thread pool, which files and DNS need too. */
  readonly atOnce: number;
  /** Who waits for one of them; further ones are refused. */
  readonly maxWaiting: number;
};

const defaults: Argon2Options = {
  cost: recommendedCost,
  atOnce: Math.max(1, Math.min(3, os.availableParallelism() - 1)),
  maxWaiting: 32,
};

const retryAfterS = 2;
const saltBytes = 16;
const tagBytes = 32;
const version = "19"; // 0x13, the only one in use
const run = promisify(argon2);

/** Passwords as Argon2id hashes, a few at once, so that sign-ins starve nothing else. */
export function argon2Passwords(options: Partial<Argon2Options> = {}): Passwords {
  const { cost, atOnce, maxWaiting } = { ...defaults, ...options };
  const queue = bulkhead(atOnce, maxWaiting);

  async function queued<T>(work: () => Promise<T>): Promise<Result<T, TooBusy>> {
    try {
      return ok(await queue.execute(work));
    } catch (error) {
      if (error instanceof BulkheadRejectedError) return err({ type: "too-busy", retryAfterS });
      throw error;
    }
  }

  return {
    hash: (password) =>
      queued(async () => {
        const salt = randomBytes(saltBytes);
        return spell({ cost, salt, tag: await tagOf(password, { cost, salt, tagBytes }) });
      }),

    async verify(password, hash) {
      const known = read(hash);
      return queued(async () => {
        const tag = await tagOf(password, { ...known, tagBytes: known.tag.length });
        const { memoryKib, passes, lanes } = known.cost;
        const isToday =
          memoryKib === cost.memoryKib && passes === cost.passes && lanes === cost.lanes;
        return { matches: timingSafeEqual(tag, known.tag), outdated: !isToday };
      });
    },
  };
}

type Parameters = { readonly cost: Argon2Cost; readonly salt: Buffer; readonly tagBytes: number };

const tagOf = (password: string, { cost, salt, tagBytes: tagLength }: Parameters) =>
  run("argon2id", {
    message: Buffer.from(password, "utf8"),
    nonce: salt,
    memory: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength,
  });

type Spelt = { readonly cost: Argon2Cost; readonly salt: Buffer; readonly tag: Buffer };

const unpadded = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

/** Source: the PHC string format. */
const spell = ({ cost: { memoryKib, passes, lanes }, salt, tag }: Spelt): PasswordHash =>
  `$argon2id$v=${version}$m=${memoryKib},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(tag)}` as PasswordHash;

const phc = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/;

function read(hash: PasswordHash): Spelt {
  const [, memoryKib, passes, lanes, salt, tag] = phc.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) throw new Error("not an Argon2id PHC string");
  return {
    cost: { memoryKib: Number(memoryKib), passes: Number(passes), lanes: Number(lanes) },
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}
