import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { createIds } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import { err, expect, ok } from "#kernel/result.ts";
import type { Value } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { ApiKey, ApiKeyName } from "./api-key.ts";
import {
  Code,
  Credentials,
  maxPasskeys,
  PasskeyName,
  type CodeHash,
  type Passkey,
  type Sealed,
} from "./credentials.ts";
import { Email } from "./email.ts";
import * as events from "./events.ts";
import { ApiKeyId, SessionId } from "./ids.ts";
import { Password, type PasswordHash } from "./password.ts";
import { Permission, Policy, Role } from "./role.ts";
import { Session } from "./session.ts";
import { UserId } from "./user-id.ts";
import { UserName } from "./user-name.ts";
import { User, type ActiveUser } from "./user.ts";

const start = expect(Instant.parse("2026-01-01T00:00:00Z"));
const at = (ms: number) => Instant.plus(start, ms);
let made = 0;
const newId = createIds({
  clock: { now: () => start, unixMs: () => Instant.toUnixMs(start) },
  random: (size) => new Uint8Array(size).fill((made += 1)),
});
const email = (text: string) => expect(Email.parse(text));
const name = (text: string) => expect(UserName.parse(text));

function parses<T>(value: Value<T>, spelled: Readonly<Record<string, string | undefined>>): void {
  for (const [input, wanted] of Object.entries(spelled)) {
    const parsed = value.parse(input);
    assert.equal(parsed.ok ? parsed.value : undefined, wanted, JSON.stringify(input));
  }
}

describe("values of identity", () => {
  test("are spelled in one way", () => {
    parses(UserName, { "  Ada \t\n Lovelace ": "Ada Lovelace", " A ": undefined, Al: "Al" });
    parses(Email, {
      ...{ " Ada@Example.COM ": "ada@example.com", "a@b.c.d.e": "a@b.c.d.e" },
      ...{ "ada@example": undefined, "a b@example.com": undefined, "x a@example.com": undefined },
      ...{ "a@@b.c": undefined, "a@b..c": undefined, "a@b.c.": undefined, "a@b.c d": undefined },
      [`${" ".repeat(309)}a@example.c`]: "a@example.c",
      [`${" ".repeat(310)}a@example.c`]: undefined,
      [`${"a".repeat(243)}@example.co`]: `${"a".repeat(243)}@example.co`,
      [`${"a".repeat(244)}@example.co`]: undefined,
    });
    parses(Code, {
      " 12 34 56 ": "123456",
      "ABCD-efgh": "abcd-efgh",
      "12345": undefined,
      "12_456": undefined,
    });
    parses(PasskeyName, { " My phone ": "My phone", " ": undefined });
    parses(ApiKeyName, { " Build ": "Build", " ": undefined });
    parses(Role, { "shop-keeper": "shop-keeper", Admin: undefined, x: undefined });
    parses(Permission, { "a:*": "a:*", "*:b-c": "*:b-c", "a:": undefined, "a:b:c": undefined });
    assert.equal(Permission.createApiKey, "api-keys:create");
  });

  test("passwords are kept as they are typed, and not made of what others know", () => {
    parses(Password, { "  spaces  ": "  spaces  ", "1234567": undefined, "12345678": "12345678" });
    const typed = (text: string) => expect(Password.parse(text));
    const words = ["Basalt", "Lea"];
    assert.equal(Password.isMadeOf(typed("BASALT12"), words), true);
    assert.equal(Password.isMadeOf(typed("basalt12345678"), words), true);
    assert.equal(Password.isMadeOf(typed("basalt123456789"), words), false, "it is long");
    assert.equal(Password.isMadeOf(typed("release1"), words), false, "three letters are in many");
    assert.equal(Password.isMadeOf(typed("adaadaad"), ["adaa"]), true);
    assert.equal(Password.isMadeOf(typed("correct1"), words), false);
  });
});

describe("a user", () => {
  const registration = {
    ...{ id: newId(UserId), email: email("ada@example.com"), name: name("Ada") },
    ...{ at: start, by: "self" as const },
  };
  const ada: ActiveUser = saved(User.register(registration));
  const { id: userId } = ada;

  test("is told of with everything that was said", () => {
    const { by: _, at: registeredAt, id, ...person } = registration;
    assert.deepEqual(User.register(registration).events, [
      events.UserRegistered({ ...person, userId: id, registeredAt, by: "self" }),
    ]);
    assert.deepEqual(ada.roles, [Role.member]);
  });

  test("who was registered before anybody could be invited registered by themselves", () => {
    const { by: _, at: registeredAt, id, ...person } = registration;
    const payload = { ...person, userId: id, registeredAt };
    const type = "identity.user-registered";
    assert.deepEqual(
      events.identityEvents.decode({ type, schemaVersion: 1, payload }),
      ok(events.UserRegistered({ ...payload, by: "self" })),
    );
  });

  test("changes once, and only where something is another", () => {
    assert.deepEqual(User.rename(ada, ada.name).events, []);
    assert.deepEqual(User.rename(ada, name("Bob")).events, [
      events.UserRenamed({ userId, name: name("Bob") }),
    ]);
    const moved = User.changeEmail({ ...ada, isEmailVerified: true }, email("b@example.com"));
    assert.deepEqual(moved.events, [
      events.UserEmailChanged({ userId, email: email("b@example.com"), previous: ada.email }),
    ]);
    assert.equal(moved.state.isEmailVerified, false);
    assert.deepEqual(User.changeEmail(ada, ada.email).events, []);
    const verified = User.verifyEmail(ada);
    assert.deepEqual(verified.events, [events.UserEmailVerified({ userId, email: ada.email })]);
    assert.deepEqual(User.verifyEmail(verified.state).events, []);
  });

  test("has each role once, whatever their order", () => {
    const [a, b, ab] = ["aa", "bb", "aabb"].map((role) => expect(Role.parse(role)));
    assert.ok(a && b && ab);
    const given = User.assignRoles(ada, [b, a, b]);
    assert.deepEqual(given.state.roles, [a, b]);
    assert.deepEqual(given.events, [events.UserRolesChanged({ userId, roles: [a, b] })]);
    assert.deepEqual(User.assignRoles({ ...ada, roles: [b, a] }, [a, b]).events, []);
    assert.equal(User.assignRoles({ ...ada, roles: [a, b] }, [ab]).events.length, 1);
  });

  test("is disabled, enabled and deleted, each once", () => {
    const disabled = User.disable(ada);
    assert.deepEqual(disabled, {
      ...{ state: { ...ada, status: "disabled" }, events: [events.UserDisabled({ userId })] },
    });
    assert.deepEqual(User.disable(disabled.state).events, []);
    const enabled = User.enable(disabled.state);
    assert.deepEqual(enabled, { state: ada, events: [events.UserEnabled({ userId })] });
    assert.deepEqual(User.enable(ada).events, []);
    const deleted = User.delete(ada, at(1));
    assert.deepEqual(deleted.events, [events.UserDeleted({ userId, deletedAt: at(1) })]);
    assert.deepEqual(User.present(deleted.state), err({ type: "user-not-found" }));
    assert.deepEqual(User.present(disabled.state), ok(disabled.state));
    const admin = { ...ada, roles: [Role.admin] };
    assert.equal(User.isAdministrator(admin), true);
    assert.equal(User.isAdministrator(User.disable(admin).state), false);
    assert.equal(User.isAdministrator(ada), false);
  });
});

describe("a session", () => {
  const limits = { idleMs: 1_000, absoluteMs: 5_000, graceMs: 10 };
  const first = {
    ...{ id: newId(SessionId), userId: newId(UserId), factors: ["password" as const] },
    ...{ device: { address: "::1", agent: "curl" }, at: start },
  };
  const { id: sessionId, userId } = first;
  const session = saved(Session.start(first));

  test("lives until it was idle for long, or is old", () => {
    assert.deepEqual(Session.start(first).events, [
      events.SessionStarted({ sessionId, userId, factors: ["password"] }),
    ]);
    assert.equal(Session.isLive(session, at(999), limits), true);
    assert.equal(Session.isLive(session, at(1_000), limits), false);
    assert.equal(Session.isLive(undefined, start, limits), false);
    assert.equal(Session.endsAt({ ...session, lastUsedAt: at(4_500) }, limits), at(5_000));
    assert.equal(
      Session.isLive(Session.end(session, start, "deleted").state, at(1), limits),
      false,
    );
  });

  test("gives one successor for each token, and ends for a token of long ago", () => {
    const refresh = (generation: number, ms: number, of = session) =>
      Session.refresh(of, { generation, at: at(ms) }, limits);
    const next = refresh(1, 100);
    assert.ok(next.kind === "exchanged");
    assert.deepEqual(next.change, {
      state: { ...session, generation: 2, lastUsedAt: at(100) },
      events: [events.SessionRefreshed({ sessionId, userId })],
    });
    const second = saved(next.change);
    assert.deepEqual(refresh(1, 109, second), { kind: "repeated" });
    const ended = { ...second, status: "ended", endedAt: at(110) };
    const why = events.SessionEnded({ sessionId, userId, why: "token-reused" });
    const reused = { kind: "reused", change: { state: ended, events: [why] } };
    assert.deepEqual(refresh(1, 110, second), reused);
    assert.equal(refresh(0, 105, second).kind, "reused");
    assert.equal(refresh(7, 105, second).kind, "reused");
    assert.deepEqual(refresh(1, 1_000), { kind: "over" });
  });
});

describe("credentials", () => {
  const userId = newId(UserId);
  const none = Credentials.none(userId);
  const secret = "sealed" as Sealed;
  const codes = ["one", "two"] as unknown as readonly CodeHash[];
  const enrolled = saved(expect(Credentials.enrolTotp(none, secret)));
  const active = saved(expect(Credentials.activateTotp(enrolled, 5, codes)));
  const key = (id: string): Passkey => ({
    ...{ id, name: expect(PasskeyName.parse(id)), publicKey: "key", counter: 0, transports: [] },
    ...{ createdAt: start, lastUsedAt: start },
  });

  test("are nothing at first; a password is set for a reason", () => {
    assert.deepEqual(none, {
      ...{ userId, isInitial: false, recoveryCodes: [], passkeys: [], version: Version.none },
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
      ...[key("b"), renewed],
    ]);
    const refused = err({ type: "passkey-refused" });
    const use = (id: string, challengedAt: Instant, of = two) =>
      Credentials.usePasskey(of, { id, counter: 7, challengedAt });
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

test("an API key lives until it expires or is revoked, which is told once", () => {
  const [keyId, userId] = [newId(ApiKeyId), newId(UserId)];
  const named = expect(ApiKeyName.parse("Build"));
  const wanted = { id: keyId, userId, name: named, scopes: [], createdAt: start, expiresAt: at(9) };
  const created = ApiKey.create(wanted);
  assert.deepEqual(created.events, [events.ApiKeyCreated({ keyId, userId, name: named })]);
  const apiKey = saved(created);
  assert.equal(ApiKey.isLive(apiKey, at(8)), true);
  assert.equal(ApiKey.isLive(apiKey, at(9)), false);
  assert.equal(ApiKey.isLive(undefined, start), false);
  const revoked = ApiKey.revoke(apiKey, at(1));
  assert.deepEqual(revoked.events, [events.ApiKeyRevoked({ keyId, userId })]);
  assert.equal(ApiKey.isLive(revoked.state, at(2)), false);
  assert.deepEqual(ApiKey.revoke(revoked.state, at(2)).events, []);
});

test("a policy has each permission once, and that of administrators is fixed", () => {
  const permissions = ["b:c", "a:b"].map((text) => expect(Permission.parse(text)));
  const sorted = permissions.toSorted();
  const policy = { role: Role.member, permissions, version: Version.none };
  assert.deepEqual(expect(Policy.change(policy, sorted)).events, []);
  const more = expect(Permission.parse("c:d"));
  const changed = expect(Policy.change(policy, [more, ...permissions, more]));
  assert.deepEqual(changed, {
    state: { ...policy, permissions: [...sorted, more] },
    events: [events.PolicyChanged({ role: Role.member, permissions: [...sorted, more] })],
  });
  const fixed = err({ type: "role-is-fixed", role: Role.admin });
  assert.deepEqual(Policy.change({ ...policy, role: Role.admin }, []), fixed);
});
