import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { afterMs as at, newId, start } from "#test/values.ts";
import { Email } from "./email.ts";
import { Role } from "./role.ts";
import { UserId } from "./user-id.ts";
import { UserName } from "./user-name.ts";
import { restorableMs, User, type ActiveUser, type PresentUser } from "./user.ts";
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
  const ada = User.enable(saved(User.register(registration))).state as ActiveUser;
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
    assert.deepEqual(User.changeEmail(ada, ada.email).events, []);
    const verified = User.verifyEmail(ada);
    assert.deepEqual(verified.events, [events.UserEmailVerified({ userId, email: ada.email })]);
    assert.deepEqual(User.verifyEmail(verified.state).events, []);
  });

  test("keeps the address until another one is confirmed, and may withdraw that", () => {
    const verified = { ...ada, isEmailVerified: true };
    const asked = User.changeEmail(verified, email("b@example.com"));
    assert.deepEqual(asked, {
      state: { ...verified, pendingEmail: "b@example.com" },
      events: [events.UserEmailChangeRequested({ userId, email: email("b@example.com") })],
    });
    assert.deepEqual(User.changeEmail(asked.state, ada.email), {
      state: verified,
      events: [events.UserEmailChangeWithdrawn({ userId })],
    });
    const moved = User.confirmEmail(verified, email("b@example.com"), start);
    const [changed] = moved.events;
    const change = { userId, email: email("b@example.com"), previous: ada.email };
    assert.deepEqual(changed, events.UserEmailChanged(change));
    assert.deepEqual(
      [moved.state.email, moved.state.isEmailVerified, moved.state.pendingEmail],
      ["b@example.com", true, undefined],
    );
  });

  test("can be taken back by each former address for three days, and then by those before it", () => {
    const verified = { ...ada, isEmailVerified: true };
    const second = User.confirmEmail(verified, email("b@example.com"), start).state;
    const evil = User.confirmEmail(second, email("evil@example.com"), at(1)).state;
    const worse = User.confirmEmail(evil, email("worse@example.com"), at(2)).state;
    const emailsAt = (ms: number) =>
      User.formersAt(worse, at(ms)).map((former) => former.email as string);
    assert.deepEqual(emailsAt(3), ["ada@example.com", "b@example.com", "evil@example.com"]);
    assert.deepEqual(emailsAt(restorableMs), ["b@example.com", "evil@example.com"]);
    assert.deepEqual(emailsAt(restorableMs + 2), []);

    const [, b] = User.formersAt(worse, at(3));
    assert.ok(b);
    assert.deepEqual(User.formerOf(worse, b, at(3)), b);
    assert.equal(User.formerOf(worse, { ...b, until: at(9) }, at(3)), undefined, "another change");
    const restored = User.restoreEmail(worse, b).state;
    assert.deepEqual(
      [restored.email, restored.formers.map((former) => former.email as string)],
      ["b@example.com", ["ada@example.com"]],
    );
    const typo = User.confirmEmail(ada, email("b@example.com"), start).state;
    assert.deepEqual(typo.formers, [], "nobody has shown that it was theirs");
  });

  test("is invited until they accept, wherever the invitation went first", () => {
    const invited = saved(User.register({ ...registration, by: "invitation" }));
    assert.ok(invited.status === "invited");
    const moved = User.changeEmail(invited, email("b@example.com"));
    assert.deepEqual(
      [moved.state.email, moved.events.at(-1)],
      ["b@example.com", events.UserInvited({ userId })],
    );
    assert.deepEqual(expect(User.invite(invited)).events, [events.UserInvited({ userId })]);
    assert.deepEqual(User.enable(invited).events, []);
    const disabled = User.disable(invited).state;
    assert.deepEqual(User.enable(disabled).state, invited);
    const corrected = User.changeEmail(disabled, email("c@example.com"));
    assert.equal(corrected.state.email, "c@example.com");
    assert.deepEqual(
      corrected.events.map(({ type }) => type),
      ["identity.user-email-changed"],
    );
    const accepted = User.accept(invited);
    assert.deepEqual(accepted.state, { ...invited, status: "active", isEmailVerified: true });
    assert.deepEqual(User.invite(accepted.state), err({ type: "invitation-accepted" }));
    const admin = { ...invited, roles: [Role.admin] };
    assert.equal(User.isAdministrator(admin), false, "nobody can sign in as them yet");
  });

  test("has each role once, whatever their order", () => {
    const [a, b, ab] = ["aa", "bb", "aabb"].map((role) => expect(Role.parse(role)));
    assert.ok(a && b && ab);
    const verified = { ...ada, isEmailVerified: true };
    const assign = (user: PresentUser, roles: readonly Role[]) =>
      expect(User.assignRoles(user, roles));
    const given = assign(verified, [b, a, b]);
    assert.deepEqual(given.state.roles, [a, b]);
    assert.deepEqual(given.events, [events.UserRolesChanged({ userId, roles: [a, b] })]);
    assert.deepEqual(assign({ ...ada, roles: [b, a] }, [a, b]).events, []);
    assert.equal(assign({ ...verified, roles: [a, b] }, [ab]).events.length, 1);
    assert.equal(assign({ ...ada, roles: [a, b] }, [a]).events.length, 1, "one less");
    assert.deepEqual(User.assignRoles(ada, [a]), err({ type: "email-unverified" }));
    const invited: PresentUser = { ...ada, status: "disabled", isInvited: true };
    assert.equal(assign(invited, [a]).events.length, 1);
  });

  test("is appointed administrator, whatever they were, and by no other address", () => {
    const formers = [{ email: email("evil@example.com"), until: at(restorableMs) }];
    const known = { ...ada, formers, pendingEmail: email("evil@example.com") };
    for (const user of [
      known,
      { ...known, status: "invited" as const },
      { ...known, status: "disabled" as const, isInvited: true },
      { ...known, status: "disabled" as const, isInvited: false },
    ]) {
      const { state } = User.appoint(user);
      assert.equal(User.isAdministrator(state), true);
      assert.deepEqual([state.formers, state.pendingEmail], [[], undefined]);
    }
    const again = User.appoint({ ...known, isEmailVerified: true, roles: [Role.admin] });
    assert.equal(again.events.length, 1, "what nothing announces is not saved");
  });

  test("is disabled, enabled and deleted, each once", () => {
    const disabled = User.disable(ada);
    assert.deepEqual(disabled, {
      state: { ...ada, status: "disabled", isInvited: false },
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
    const erased = User.erase(deleted.state, at(2));
    assert.deepEqual(
      [erased.state.email, erased.state.name, erased.state.erasedAt, erased.events],
      ["erased@erased.invalid", "Erased", at(2), [events.UserErased({ userId })]],
    );
    const unverified = { ...ada, roles: [Role.admin] };
    assert.equal(User.isAdministrator(unverified), false);
    const admin = { ...unverified, isEmailVerified: true };
    assert.equal(User.isAdministrator(admin), true);
    assert.equal(User.isAdministrator(User.disable(admin).state), false);
    assert.equal(User.isAdministrator(ada), false);
  });
});
