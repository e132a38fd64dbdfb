import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { afterMs as at, newId, start } from "#test/values.ts";
import { Email } from "./email.ts";
import { Role } from "./role.ts";
import { UserId } from "./user-id.ts";
import { UserName } from "./user-name.ts";
import { User, type ActiveUser } from "./user.ts";
import * as events from "./events.ts";

const email = (text: string) => expect(Email.parse(text));

const name = (text: string) => expect(UserName.parse(text));

describe("a user", () => {
  const registration = {
    id: newId(UserId),
    email: email("ada@example.com"),
    name: name("Ada"),
    at: start,
    by: "self" as const,
  };
  const ada: ActiveUser = saved(User.register(registration));
  const { id: userId } = ada;

  test("is announced with all that was registered", () => {
    const { by: _, at: registeredAt, id, ...person } = registration;
    assert.deepEqual(User.register(registration).events, [
      events.UserRegistered({ ...person, userId: id, registeredAt, by: "self" }),
    ]);
    assert.deepEqual(ada.roles, [Role.member]);
  });

  test("reads a registration from before invitations as one by the user", () => {
    const { by: _, at: registeredAt, id, ...person } = registration;
    const payload = { ...person, userId: id, registeredAt };
    const type = "identity.user-registered";
    assert.deepEqual(
      events.identityEvents.decode({ type, schemaVersion: 1, payload }),
      ok(events.UserRegistered({ ...payload, by: "self" })),
    );
  });

  test("announces a change once, and only where a value differs", () => {
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
      state: { ...ada, status: "disabled" },
      events: [events.UserDisabled({ userId })],
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
