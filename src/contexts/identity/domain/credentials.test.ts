import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { err, expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { afterMs as at, newId, start } from "#test/values.ts";
import {
  Credentials,
  PasskeyName,
  maxPasskeys,
  type CodeHash,
  type Passkey,
  type Sealed,
} from "./credentials.ts";
import type { PasswordHash } from "./password.ts";
import { UserId } from "./user-id.ts";
import * as events from "./events.ts";

describe("credentials", () => {
  const userId = newId(UserId);
  const none = Credentials.none(userId);
  const secret = "sealed" as Sealed;
  const codes = ["one", "two"] as unknown as readonly CodeHash[];
  const enrolled = saved(expect(Credentials.enrolTotp(none, secret)));
  const active = saved(expect(Credentials.activateTotp(enrolled, 5, codes)));
  const key = (id: string): Passkey => ({
    id,
    name: expect(PasskeyName.parse(id)),
    publicKey: "key",
    counter: 0,
    transports: [],
    createdAt: start,
    lastUsedAt: start,
  });

  test("are empty at first; a password is set with its reason", () => {
    assert.deepEqual(none, {
      userId,
      isInitial: false,
      recoveryCodes: [],
      passkeys: [],
      version: Version.none,
    });
    assert.deepEqual(Credentials.setPassword(none, "hash" as PasswordHash, "reset"), {
      state: { ...none, password: "hash" },
      events: [events.PasswordSet({ userId, why: "reset" })],
    });
  });

  test("take a code of each step once, after activation", () => {
    assert.deepEqual(expect(Credentials.enrolTotp(none, secret)), {
      state: { ...none, totp: { status: "enrolled", secret, lastStep: 0 } },
      events: [events.TotpEnrolled({ userId })],
    });
    assert.equal(Credentials.owesSecondFactor(none), false);
    assert.equal(Credentials.owesSecondFactor(enrolled), false);
    assert.equal(Credentials.owesSecondFactor(active), true);
    const refused = err({ type: "code-refused" });
    for (const early of [none, enrolled]) assert.deepEqual(Credentials.useTotp(early, 9), refused);
    assert.deepEqual(Credentials.useTotp(active, 5), refused);
    assert.deepEqual(expect(Credentials.useTotp(active, 6)), {
      state: { ...active, totp: { status: "active", secret, lastStep: 6 } },
      events: [events.SecondFactorUsed({ userId, factor: "totp" })],
    });
    assert.deepEqual(expect(Credentials.activateTotp(enrolled, 5, codes)).events, [
      events.TotpActivated({ userId }),
    ]);
    const missing = err({ type: "totp-not-enrolled" });
    assert.deepEqual(Credentials.activateTotp(none, 5, codes), missing);
    assert.deepEqual(Credentials.removeTotp(none), missing);
    const twice = err({ type: "totp-already-active" });
    assert.deepEqual(Credentials.activateTotp(active, 5, codes), twice);
    assert.deepEqual(Credentials.enrolTotp(active, secret), twice);
    const { totp: _, ...without } = active;
    assert.deepEqual(expect(Credentials.removeTotp(active)), {
      state: { ...without, recoveryCodes: [] },
      events: [events.TotpRemoved({ userId })],
    });
  });

  test("take a recovery code once", () => {
    const [one = "" as CodeHash] = codes;
    const used = expect(Credentials.useRecoveryCode(active, one));
    assert.deepEqual(used, {
      state: { ...active, recoveryCodes: codes.slice(1) },
      events: [events.SecondFactorUsed({ userId, factor: "recovery-code" })],
    });
    const again = Credentials.useRecoveryCode(used.state, one);
    assert.deepEqual(again, err({ type: "code-refused" }));
  });

  test("hold passkeys, of which each answers a challenge once", () => {
    const one = expect(Credentials.addPasskey(none, key("a")));
    assert.deepEqual(one.events, [events.PasskeyAdded({ userId, name: key("a").name })]);
    const two = expect(Credentials.addPasskey(one.state, key("b"))).state;
    const renewed = { ...key("a"), counter: 3 };
    assert.deepEqual(expect(Credentials.addPasskey(two, renewed)).state.passkeys, [
      key("b"),
      renewed,
    ]);
    const refused = err({ type: "passkey-refused" });
    const use = (id: string, challengedAt: Instant, credentials = two) =>
      Credentials.usePasskey(credentials, { id, counter: 7, challengedAt });
    assert.deepEqual(use("c", at(1)), refused);
    assert.deepEqual(use("b", start), refused);
    assert.deepEqual(expect(use("b", at(1))), {
      state: { ...two, passkeys: [key("a"), { ...key("b"), counter: 7, lastUsedAt: at(1) }] },
      events: [events.PasskeyUsed({ userId, passkeyId: "b" })],
    });
    const removed = (id: string) => events.PasskeyRemoved({ userId, passkeyId: id });
    assert.deepEqual(expect(Credentials.removePasskey(two, "a")), {
      state: { ...two, passkeys: [key("b")] },
      events: [removed("a")],
    });
    const unknown = Credentials.removePasskey(two, "c");
    assert.deepEqual(unknown, err({ type: "passkey-not-found" }));
    assert.deepEqual(Credentials.removePasskeys(two), {
      state: { ...two, passkeys: [] },
      events: [removed("a"), removed("b")],
    });
    const many = Array.from({ length: maxPasskeys }, (_, i) => key(`k${i}`));
    const full = { ...none, passkeys: many };
    const tooMany = err({ type: "too-many-passkeys", max: maxPasskeys });
    assert.deepEqual(Credentials.addPasskey(full, key("x")), tooMany);
    assert.equal(Credentials.addPasskey(full, key("k1")).ok, true, "it takes its own place");
  });
});
