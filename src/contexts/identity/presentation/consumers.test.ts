import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recorded } from "#kernel/event.ts";
import { expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { EventId } from "#kernel/event.ts";
import { memoryEmail } from "#platform/email/memory-email.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { testContext } from "../../../../test/support/notes.ts";
import { welcomeUser } from "../application/welcome-user.ts";
import { Email } from "../domain/email.ts";
import { UserRegistered } from "../domain/events.ts";
import { UserId } from "../domain/user-id.ts";
import { UserName } from "../domain/user-name.ts";
import { identityConsumers } from "./consumers.ts";

const userId = newId(UserId);
const registered: Recorded = {
  ...UserRegistered({
    userId,
    email: expect(Email.parse("ada@example.com")),
    name: expect(UserName.parse("Ada")),
    registeredAt: clock.now(),
  }),
  id: newId(EventId),
  stream: userId,
  version: Version.plus(Version.none, 1),
  occurredAt: clock.now(),
  metadata: { actor: "anonymous", correlationId: "test" },
};

const given = () => {
  const { send, arrived } = memoryEmail();
  const [welcoming] = identityConsumers({ welcome: welcomeUser({ sendEmail: send }) });
  assert.ok(welcoming);
  return { welcoming, arrived };
};

test("who registers is welcomed once, however often the event is delivered", async () => {
  const { welcoming, arrived } = given();
  assert.ok(welcoming.wants(registered.type));
  await welcoming.handle(registered, undefined, testContext());
  await welcoming.handle(registered, undefined, testContext());
  const [email, ...others] = arrived();
  assert.deepEqual(others, []);
  assert.equal(email?.id, registered.id);
  assert.equal(email?.to, "ada@example.com");
  assert.match(email?.text ?? "", /Hello Ada,/);
});

test("an event that cannot be read fails, and no email is sent", async () => {
  const { welcoming, arrived } = given();
  const garbled = { ...registered, payload: { email: 7 } };
  await assert.rejects(welcoming.handle(garbled, undefined, testContext()), /cannot be read/);
  assert.deepEqual(arrived(), []);
});
