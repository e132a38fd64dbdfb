import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { err, expect, ok } from "#kernel/result.ts";
import { Password, type PasswordHash } from "../domain/password.ts";
import { argon2Passwords, recommendedCost } from "./argon2-passwords.ts";
import { commonPasswords } from "./common-passwords.ts";

const cheap = { memoryKib: 8, passes: 1, lanes: 1 };
const typed = (text: string) => expect(Password.parse(text));
const known = (hash: PasswordHash | undefined) => async () => hash;
const hashing = new Set<ChildProcess>();
subscribe("child_process", (started) => {
  hashing.add((started as { readonly process: ChildProcess }).process);
});
const right = { matches: true, outdated: false };

describe("passwords", () => {
  test("have 8 to 256 characters, and are kept as they were typed", () => {
    for (const text of ["short", "x".repeat(257), "nul\0nul\0nul", 12_345_678])
      assert.equal(Password.parse(text).ok, false);
    assert.deepEqual(Password.parse("  spaces count  "), ok("  spaces count  "));
    assert.equal(Password.parse("🦊".repeat(8)).ok, true);
  });

  test("match their own hash and no other", async () => {
    const { hash, verify } = argon2Passwords({ cost: cheap });
    const text = fc
      .string({ minLength: 8, maxLength: 40, unit: "grapheme" })
      .filter((candidate) => Password.parse(candidate).ok);
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        const kept = expect(await hash(typed(one)));
        assert.deepEqual(await verify(typed(one), known(kept)), ok(right));
        assert.equal(expect(await verify(typed(other), known(kept))).matches, one === other);
      }),
      { numRuns: 30 },
    );
  });

  test("differ by case, space and spelling of the same letter", async () => {
    const { hash, verify } = argon2Passwords({ cost: cheap });
    const kept = expect(await hash(typed("Schlüssel 1")));
    for (const other of ["schlüssel 1", "Schlüssel 1 ", "Schlu\u0308ssel 1"])
      assert.equal(expect(await verify(typed(other), known(kept))).matches, false);
  });

  test("are salted: two users never have the same hash", async () => {
    const { hash } = argon2Passwords({ cost: cheap });
    assert.notEqual(
      expect(await hash(typed("same for both"))),
      expect(await hash(typed("same for both"))),
    );
  });

  test("agree with the reference implementation", async () => {
    const reference =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    const { verify } = argon2Passwords();
    const verdict = await verify(typed("password"), known(reference as PasswordHash));
    assert.deepEqual(verdict, ok({ matches: true, outdated: true }));
  });

  test("are hashed at the recommended cost unless said", async () => {
    const { hash, verify } = argon2Passwords();
    const kept = expect(await hash(typed("correct horse")));
    const { memoryKib, passes, lanes } = recommendedCost;
    assert.ok(kept.startsWith(`$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$`), kept);
    assert.deepEqual(await verify(typed("correct horse"), known(kept)), ok(right));
  });

  test("hashed at another cost still match, and are known as outdated", async () => {
    const kept = expect(await argon2Passwords({ cost: cheap }).hash(typed("from last year")));
    const today = argon2Passwords({ cost: { ...cheap, passes: 2 } });
    assert.deepEqual(
      await today.verify(typed("from last year"), known(kept)),
      ok({ matches: true, outdated: true }),
    );
  });

  test("are refused at once when the queue is full, without loss of the others", async () => {
    const { hash } = argon2Passwords({ cost: cheap, atOnce: 1, maxWaiting: 3 });
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => hash(typed("patience"))));
    assert.equal(outcomes.filter((outcome) => outcome.ok).length, 4);
    for (const outcome of outcomes)
      if (!outcome.ok) assert.deepEqual(outcome, err({ type: "too-busy", retryAfterS: 2 }));
    assert.equal((await hash(typed("patience"))).ok, true);
  });

  test("fail when their process is killed, and the next ones get a new process", async () => {
    const { hash } = argon2Passwords({ cost: { ...cheap, passes: 1_000_000 }, atOnce: 1 });
    const killed = assert.rejects(hash(typed("patience")), /the process .* is gone/);
    await setImmediate();
    for (const child of hashing) child.kill("SIGKILL");
    await killed;
    assert.equal((await argon2Passwords({ cost: cheap }).hash(typed("patience"))).ok, true);
  });

  test("of unknown users match nothing and take as long to verify", async () => {
    const { hash, verify } = argon2Passwords();
    const kept = expect(await hash(typed("correct horse")));
    const msOf = async (hash: PasswordHash | undefined) => {
      const startedAt = process.hrtime.bigint();
      const verdict = expect(await verify(typed("not the right one"), known(hash)));
      assert.equal(verdict.matches, false);
      return Number(process.hrtime.bigint() - startedAt) / 1e6;
    };
    const [some, none]: [number[], number[]] = [[], []];
    for (let i = 0; i < 9; i += 1) {
      some.push(await msOf(kept));
      none.push(await msOf(undefined));
    }
    const least = (times: readonly number[]) => Math.min(...times);
    // A ratio within one run: an answer without hashing would be a hundred times faster.
    const ratio = least(none) / least(some);
    assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
  });

  test("a refused request computes no hash", async () => {
    const { verify } = argon2Passwords({ cost: cheap, atOnce: 1, maxWaiting: 0 });
    let asked = 0;
    const hashOf = async () => {
      asked += 1;
      return undefined;
    };
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => verify(typed("patience"), hashOf)),
    );
    assert.deepEqual([outcomes.filter(({ ok }) => ok).length, asked], [1, 1]);
  });

  test("with a hash that cannot be read break loudly", async () => {
    const { verify } = argon2Passwords({ cost: cheap });
    await assert.rejects(verify(typed("whatever it is"), known("$2b$10$x" as PasswordHash)), /PHC/);
  });

  test("are recognised as common, ignoring case", async () => {
    const isCommon = commonPasswords();
    for (const text of [
      "password",
      "PASSWORD",
      "12345678",
      "qwertyuiop",
      "football",
      "Password1!",
      "!!dragon99",
      "aaaaaaaa",
      "ababab!ababab!ababab!",
    ])
      assert.equal(await isCommon(typed(text)), true, text);
    assert.equal(await isCommon(typed("Vq7!rather unlikely")), false);
    assert.equal(await isCommon(typed("dragon99 and more")), false);
  });
});
