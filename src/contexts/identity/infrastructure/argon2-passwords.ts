import { randomBytes, timingSafeEqual, type Argon2Parameters } from "node:crypto";
import os from "node:os";
import { bulkhead, BulkheadRejectedError } from "cockatiel";
import { err, ok, type Result } from "#kernel/result.ts";
import { workerProcesses } from "#platform/process/worker-processes.ts";
import type { Passwords, TooBusy } from "../application/ports.ts";
import type { Password, PasswordHash } from "../domain/password.ts";

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
  /** Hashes made at once, each in a process of low priority. */
  readonly atOnce: number;
  /** Waiting requests at most; further ones are refused. */
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
const madeBytes = 15;

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

    make: () => randomBytes(madeBytes).toString("base64url") as Password,

    verify: (password, hashOf) =>
      queued(async () => {
        const hash = await hashOf();
        const known = hash === undefined ? nobodys(cost) : read(hash);
        const tag = await tagOf(password, { ...known, tagBytes: known.tag.length });
        const { memoryKib, passes, lanes } = known.cost;
        const isToday =
          memoryKib === cost.memoryKib && passes === cost.passes && lanes === cost.lanes;
        const matches = timingSafeEqual(tag, known.tag) && hash !== undefined;
        return { matches, outdated: !isToday };
      }),
  };
}

type Parameters = { readonly cost: Argon2Cost; readonly salt: Buffer; readonly tagBytes: number };

const hashIn = workerProcesses<Uint8Array>(new URL("argon2-process.ts", import.meta.url));

async function tagOf(password: string, { cost, salt, tagBytes: size }: Parameters) {
  const parameters: Argon2Parameters = {
    message: Buffer.from(password, "utf8"),
    nonce: salt,
    memory: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength: size,
  };
  return Buffer.from(await hashIn(parameters));
}

type Spelt = { readonly cost: Argon2Cost; readonly salt: Buffer; readonly tag: Buffer };

const unpadded = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

/** The hash for unknown users, which takes as long to verify. */
const nobodys = (cost: Argon2Cost): Spelt => ({
  cost,
  salt: randomBytes(saltBytes),
  tag: Buffer.alloc(tagBytes),
});

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
