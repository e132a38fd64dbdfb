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
import { writeEmails } from "../application/credentials/write-emails.ts";
import type { Token } from "../application/tokens.ts";
import {
  EmailVerificationRequested,
  PasskeyAdded,
  PasswordResetRequested,
  PasswordSet,
  UserEmailChanged,
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
async function given() {
  const house = await identityOn(memorySubject);
  const { send, arrived } = memoryEmail();
  const howToUse = (what: string, token: string) => `<${what} ${token}>`;
  const consumers = identityConsumers(writeEmails({ ...house.deps, howToUse }), send, 1);
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

test("a new address is announced to the old one and must be verified", async () => {
  const { house, arrived, tell } = await given();
  const { userId } = await house.signedUp("ada@example.com");
  const [email, previous] = [emailOf("new@example.com"), emailOf("ada@example.com")];
  await tell(recorded(UserEmailChanged({ userId, email, previous })));
  assert.deepEqual(
    arrived().map(({ to, subject }) => [to, subject]),
    [
      ["new@example.com", "Please confirm your email address"],
      ["ada@example.com", "Your email address was changed"],
    ],
  );
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
  assert.equal(arrived()[0]?.subject, "Welcome");
});
