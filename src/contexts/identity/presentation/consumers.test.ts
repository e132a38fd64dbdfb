import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EventId, type Event, type Recorded } from "#kernel/event.ts";
import { expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { memoryEmail } from "#platform/email/memory-email.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import {
  emailOf,
  goodPassword,
  identityOn,
  memorySubject,
  nameOf,
  passwordOf,
} from "../testing/fixtures.ts";
import { testContext } from "#test/context.ts";
import { emailTexts, textsWith, type EmailTexts } from "../application/credentials/email-texts.ts";
import { writeEmails } from "../application/credentials/write-emails.ts";
import type { Token } from "../application/tokens.ts";
import {
  EmailVerificationRequested,
  PasskeyAdded,
  PasswordResetRequested,
  PasswordSet,
  UserDeleted,
  UserEmailChanged,
  UserEmailChangeRequested,
  UserInvited,
  UserRegistered,
} from "../domain/events.ts";
import type { UserId } from "../domain/user-id.ts";
import { identityConsumers } from "./consumers.ts";

const recorded = (event: Event): Recorded => ({
  ...event,
  id: newId(EventId),
  stream: "any",
  version: Version.plus(Version.none, 1),
  occurredAt: clock.now(),
  metadata: { actor: "anonymous", correlationId: "test" },
});

/** An identity and what its consumers send. */
async function given(texts: EmailTexts = emailTexts) {
  const house = await identityOn(memorySubject, { eraseAfterMs: -1 });
  const { send, arrived } = memoryEmail();
  const howToUse = (what: string, token: string) => `<${what} ${token}>`;
  const consumers = identityConsumers(
    writeEmails({
      ...house.deps,
      howToUse,
      productName: "Basalt",
      invitationDays: 7,
      eraseAfterDays: 7,
      emailTexts: texts,
    }),
    send,
    1,
  );
  const tell = async (event: Recorded) => {
    for (const { wants, act } of consumers) if (wants(event.type)) await act(event, testContext());
  };
  const tokenIn = (text = "") => /<[\w-]+ ([^>]+)>/.exec(text)?.[1] as Token;
  return { house, arrived, tell, tokenIn };
}

const registered = (userId: UserId, by: "self" | "invitation" | "system") =>
  recorded(
    UserRegistered({
      userId,
      by,
      email: emailOf("ada@example.com"),
      name: nameOf("Ada"),
      registeredAt: clock.now(),
    }),
  );

test("a registered user gets one welcome email, with a token that verifies the address", async () => {
  const { house, arrived, tell, tokenIn } = await given();
  const ada = await house.registered("ada@example.com");
  const event = registered(ada.userId, "self");
  await tell(event);
  await sleep(5); // a repeated delivery comes later, with another expiry
  await tell(event);
  const [email, ...others] = arrived();
  assert.deepEqual(others, []);
  assert.deepEqual([email?.id, email?.to], [event.id, "ada@example.com"]);
  assert.match(email?.text ?? "", /your account is ready/);
  assert.doesNotMatch(email?.text ?? "", /Ada/, "a stranger may have chosen the name");
  const token = tokenIn(email?.text);
  expect(await house.identity.verifyEmail({ token }, await ada.asking()));
});

test("an invited user chooses a password with the emailed token; the system gets no email", async () => {
  const { house, arrived, tell, tokenIn } = await given();
  const who = { email: emailOf("ada@example.com"), name: nameOf("Ada") };
  const { id } = expect(await house.identity.registerUser(who, await house.system()));
  await tell(registered(id, "system"));
  assert.deepEqual(arrived(), []);
  await tell(registered(id, "invitation"));
  const token = tokenIn(arrived()[0]?.text);
  const password = goodPassword;
  expect(await house.identity.setPassword({ token, password }, await house.asking()));
  expect(await house.signIn("ada@example.com"));
});

test("a reset email goes to the user who has the address now", async () => {
  const { house, arrived, tell, tokenIn } = await given();
  await house.signedUp("ada@example.com");
  await tell(recorded(PasswordResetRequested({ email: emailOf("nobody@example.com") })));
  assert.deepEqual(arrived(), []);
  await tell(recorded(PasswordResetRequested({ email: emailOf("ada@example.com") })));
  const [email] = arrived();
  assert.equal(email?.to, "ada@example.com");
  const password = passwordOf("battery staple correct");
  const token = tokenIn(email?.text);
  expect(await house.identity.setPassword({ token, password }, await house.asking()));
  expect(await house.signIn("ada@example.com", password));
});

test("a verification is sent again until the address is verified", async () => {
  const { house, arrived, tell, tokenIn } = await given();
  const ada = await house.registered("ada@example.com");
  const ask = () =>
    tell(recorded(EmailVerificationRequested({ email: emailOf("ada@example.com") })));
  await ask();
  const token = tokenIn(arrived()[0]?.text);
  expect(await house.identity.verifyEmail({ token }, await ada.asking()));
  await ask();
  assert.equal(arrived().length, 1);
});

test("an invited user who asks for a new password is invited again, and nobody is after that", async () => {
  const { house, arrived, tell, tokenIn } = await given();
  const who = { email: emailOf("ada@example.com"), name: nameOf("Ada") };
  const { id } = expect(await house.identity.registerUser(who, await house.system()));
  await tell(recorded(UserInvited({ userId: id })));
  await tell(recorded(PasswordResetRequested({ email: who.email })));
  assert.deepEqual(
    arrived().map(({ subject, text }) => [subject, /within 7 days/.test(text)]),
    [
      ["You are invited to Basalt", true],
      ["You are invited to Basalt", true],
    ],
  );
  const token = tokenIn(arrived()[1]?.text);
  expect(await house.identity.setPassword({ token, password: goodPassword }, await house.asking()));
  await tell(recorded(UserInvited({ userId: id })));
  assert.equal(arrived().length, 2);
});

test("another address is confirmed by its owner; the former one is told, and can go back", async () => {
  const { house, arrived, tell, tokenIn } = await given();
  const ada = await house.signedUp("ada@example.com");
  const { userId } = ada;
  const [email, previous] = [emailOf("new@example.com"), emailOf("ada@example.com")];
  expect(await house.identity.updateUser({ userId, email }, await ada.asking()));
  await tell(recorded(UserEmailChangeRequested({ userId, email })));
  const [confirm, warning, ...more] = arrived();
  assert.deepEqual(
    [confirm?.to, confirm?.subject, warning?.to, warning?.subject, more],
    [
      email,
      "Please confirm your email address",
      previous,
      "Your email address is about to change",
      [],
    ],
  );
  const token = tokenIn(confirm?.text);
  expect(await house.identity.verifyEmail({ token }, await ada.asking()));
  const changed = recorded(UserEmailChanged({ userId, email, previous }));
  await tell(changed);
  const last = arrived().at(-1);
  assert.deepEqual([last?.to, last?.subject], [previous, "Your email address was changed"]);
  const back = { token: tokenIn(last?.text), password: passwordOf("battery staple correct") };
  expect(await house.identity.setPassword(back, await house.asking()));
  await tell({ ...changed, id: newId(EventId) });
  assert.equal(arrived().length, 3, "there is no way back any more");
});

test("an operator's texts replace the built-in ones", async () => {
  const texts = textsWith({ welcome: { subject: "Willkommen bei {product}" } });
  assert.ok(typeof texts === "object");
  const { house, arrived, tell } = await given(texts);
  const ada = await house.registered("ada@example.com");
  await tell(registered(ada.userId, "self"));
  assert.equal(arrived()[0]?.subject, "Willkommen bei Basalt");
  assert.match(arrived()[0]?.text ?? "", /your account is ready/);
  for (const [bad, says] of [
    [7, "object"],
    [{ welcom: {} }, /unknown email "welcom"; known: welcome, /],
    [{ welcome: "Hello" }, '"welcome" must have'],
    [{ welcome: { text: "Hello" } }, "must contain {how}"],
    [{ welcome: { text: "{how} {name}" } }, "cannot contain {name}"],
    [{ welcome: { subject: "Hello\r\nBcc: eve@example.com" } }, "must be one line"],
  ] as const)
    assert.match(JSON.stringify(textsWith(bad)).replaceAll('\\"', '"'), new RegExp(says));
});

test("a deleted user is told so, once, as long as the address is known", async () => {
  const { house, arrived, tell } = await given();
  await house.administrator();
  const ada = await house.signedUp("ada@example.com");
  const { userId } = ada;
  expect(await house.identity.deleteUser({ userId }, await ada.asking()));
  const deleted = recorded(UserDeleted({ userId, deletedAt: clock.now() }));
  await tell(deleted);
  await tell(deleted);
  assert.deepEqual(
    arrived().map(({ to, subject, text }) => [to, subject, /within 8 days/.test(text)]),
    [["ada@example.com", "Your account was deleted", true]],
  );
  assert.equal(expect(await house.identity.eraseUsers({}, await house.system())).done, 1);
  await tell(recorded(UserDeleted({ userId, deletedAt: clock.now() })));
  assert.equal(arrived().length, 1);
});

test("a user is told of changed credentials, but not of new hash parameters", async () => {
  const { house, arrived, tell } = await given();
  const { userId } = await house.signedUp("ada@example.com");
  await tell(recorded(PasswordSet({ userId, why: "new-parameters" })));
  await tell(recorded(PasswordSet({ userId, why: "change" })));
  await tell(recorded(PasskeyAdded({ userId, name: "phone" })));
  const told = arrived().map(({ text }) => text);
  assert.deepEqual(
    [told.length, /password was changed/.test(told[0] ?? ""), /passkey/.test(told[1] ?? "")],
    [2, true, true],
  );
});

test("an event that cannot be read fails, and no email is sent", async () => {
  const { house, arrived, tell } = await given();
  const { userId } = await house.signedUp("ada@example.com");
  const garbled = { ...registered(userId, "self"), payload: { email: 7 } };
  await assert.rejects(tell(garbled), /cannot be read/);
  assert.deepEqual(arrived(), []);
});

test("reads a registration of the first schema version as one by the user", async () => {
  const { house, arrived, tell } = await given();
  const { userId } = await house.signedUp("ada@example.com");
  const { by: _, ...payload } = registered(userId, "self").payload as { by: string };
  await tell({ ...registered(userId, "self"), schemaVersion: 1, payload });
  assert.equal(arrived()[0]?.subject, "Welcome to Basalt");
});
