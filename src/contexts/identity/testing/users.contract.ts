import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import type { Infer } from "#kernel/shape.ts";
import { UserId } from "../index.ts";
import { emailOf as email, identityOn, nameOf as called, type OpenIdentity } from "./fixtures.ts";
import { ListUsers } from "../application/users/list-users.ts";

const query = (input: object): Infer<typeof ListUsers> => expect(ListUsers.parse(input));
const racers = 64;

/** What identity does with users, on every adapter of its repositories. */
export function usersContract(name: string, open: OpenIdentity): void {
  const given = async () => {
    const house = await identityOn(open);
    const { userId: adminId } = await house.administrator();
    const before = (await house.subject.events()).length;
    const context = await house.system();
    return {
      identity: house.identity,
      context,
      adminId,
      events: async () => (await house.subject.events()).slice(before),
      ada: () =>
        house.identity.registerUser(
          { email: email("ada@example.com"), name: called("Ada") },
          context,
        ),
      [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
    };
  };

  describe(`users on ${name}`, () => {
    test("a registered user can be found by id or email", async () => {
      await using house = await given();
      const { identity, context } = house;
      const user = expect(await house.ada());
      assert.deepEqual(await identity.getUser({ userId: user.id }, context), ok(user));
      const found = await identity.listUsers(query({ email: " ADA@example.com" }), context);
      assert.deepEqual(found, ok({ items: [user] }));
      assert.deepEqual(await house.events(), ["identity.user-registered"]);
    });

    test("keeps the shortest and the longest name, and the longest address", async () => {
      await using house = await given();
      const { identity, context } = house;
      const longest = `${"a".repeat(64)}@${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(57)}.ef`;
      for (const [address, text] of [
        ["wang@example.com", "王"],
        [longest, "😀".repeat(100)],
      ] as const) {
        const input = { email: email(address), name: called(text) };
        const user = expect(await identity.registerUser(input, context));
        assert.deepEqual(await identity.getUser({ userId: user.id }, context), ok(user));
      }
    });

    test("refuses an address that another user has", async () => {
      await using house = await given();
      expect(await house.ada());
      const refused = await house.ada();
      assert.deepEqual(refused, err({ type: "user-already-exists", email: "ada@example.com" }));
    });

    test("exactly one of many concurrent registrations of an address succeeds", async () => {
      await using house = await given();
      const outcomes = await Promise.all(Array.from({ length: racers }, () => house.ada()));
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
      for (const outcome of outcomes)
        if (!outcome.ok) assert.equal(outcome.error.type, "user-already-exists");
      assert.deepEqual(await house.events(), ["identity.user-registered"]);
    });

    test("a new name and a new address of an invitation are one change, and it is sent again", async () => {
      await using house = await given();
      const { identity, context } = house;
      const { id: userId } = expect(await house.ada());
      const changes = { name: called("Ada King"), email: email("king@example.com") };
      const updated = expect(await identity.updateUser({ userId, ...changes }, context));
      assert.deepEqual(
        [updated.name, updated.email, updated.version],
        ["Ada King", "king@example.com", 4],
      );
      assert.deepEqual(await identity.getUser({ userId }, context), ok(updated));
      assert.deepEqual((await house.events()).slice(1), [
        "identity.user-renamed",
        "identity.user-email-changed",
        "identity.user-invited",
      ]);
    });

    test("an invitation is sent again until it is accepted", async () => {
      await using house = await given();
      const { identity, context } = house;
      const { id: userId, status } = expect(await house.ada());
      assert.equal(status, "invited");
      expect(await identity.resendInvitation({ userId }, context));
      assert.equal((await house.events()).at(-1), "identity.user-invited");
      const nobody = UserId.from(new Uint8Array(16));
      const unknown = await identity.resendInvitation({ userId: nobody }, context);
      assert.deepEqual(unknown, err({ type: "user-not-found" }));
      const accepted = await identity.resendInvitation({ userId: house.adminId }, context);
      assert.deepEqual(accepted, err({ type: "invitation-accepted" }));
    });

    test("a change to the current value announces nothing", async () => {
      await using house = await given();
      const user = expect(await house.ada());
      const same = { userId: user.id, name: user.name, email: user.email };
      assert.deepEqual(await house.identity.updateUser(same, house.context), ok(user));
      assert.equal((await house.events()).length, 1);
    });

    test("refuses to change an address to that of another user", async () => {
      await using house = await given();
      const { identity, context } = house;
      expect(await house.ada());
      const bob = { email: email("bob@example.com"), name: called("Bob") };
      const { id: userId } = expect(await identity.registerUser(bob, context));
      const taken = email("ada@example.com");
      assert.deepEqual(
        await identity.updateUser({ userId, email: taken }, context),
        err({ type: "user-already-exists", email: taken }),
      );
    });

    test("a change that was decided on an old version is refused", async () => {
      await using house = await given();
      const { identity, context } = house;
      const { id: userId, version: expectedVersion } = expect(await house.ada());
      const rename = (to: string) =>
        identity.updateUser({ userId, name: called(to), expectedVersion }, context);
      expect(await rename("First"));
      const late = err({ type: "precondition-failed", currentVersion: 2 });
      assert.deepEqual(await rename("Second"), late);
      assert.deepEqual(await identity.deleteUser({ userId, expectedVersion }, context), late);
    });

    test("a deleted user is not found and frees the address", async () => {
      await using house = await given();
      const { identity, context } = house;
      const { id: userId } = expect(await house.ada());
      expect(await identity.deleteUser({ userId }, context));

      const gone = err({ type: "user-not-found" });
      assert.deepEqual(await identity.getUser({ userId }, context), gone);
      assert.deepEqual(await identity.deleteUser({ userId }, context), gone);
      assert.deepEqual(await identity.updateUser({ userId, name: called("X Y") }, context), gone);
      const left = expect(await identity.listUsers(query({}), context)).items;
      assert.deepEqual(
        left.map(({ id }) => id),
        [house.adminId],
      );
      assert.notEqual(expect(await house.ada()).id, userId);
      assert.deepEqual(await house.events(), [
        "identity.user-registered",
        "identity.user-deleted",
        "identity.user-registered",
      ]);
    });

    test("pages list each user once, in the order of registration", async () => {
      await using house = await given();
      const { identity, context } = house;
      const registered: UserId[] = [];
      for (let i = 0; i < 7; i += 1) {
        const person = { email: email(`p${i}@example.com`), name: called(`Person ${i}`) };
        registered.push(expect(await identity.registerUser(person, context)).id);
      }
      const seen: UserId[] = [];
      let cursor: UserId | undefined;
      do {
        const page = expect(await identity.listUsers(query({ limit: 3, cursor }), context));
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, [house.adminId, ...registered]);
    });
  });
}
