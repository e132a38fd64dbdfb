import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import { ApiKeyName } from "../domain/api-key.ts";
import {
  emailOf,
  hourMs,
  identityOn,
  nameOf,
  otherPassword,
  permissionOf,
  typeOf,
  withTotp,
  type OpenIdentity,
} from "./fixtures.ts";

const weekMs = 7 * 24 * hourMs;

/** What is known of a person, exported and erased, on every adapter of identity's repositories. */
export function personalDataContract(name: string, open: OpenIdentity): void {
  const given = async () => {
    const house = await identityOn(open);
    await house.administrator();
    const ada = await house.signedUp("ada@example.com");
    const { userId } = ada;
    await withTotp(house, ada);
    const key = {
      userId,
      name: expect(ApiKeyName.parse("Ada at home")),
      scopes: [permissionOf("users:read")],
      expiresInDays: 1 as never,
    };
    expect(await house.identity.createApiKey(key, await ada.asking()));
    const renamed = { userId, name: nameOf("Ada Lovelace") };
    expect(await house.identity.updateUser(renamed, await ada.asking()));
    const erase = async () => expect(await house.identity.eraseUsers({}, await house.system()));
    return { house, ada, userId, erase, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
  };

  describe(`personal data on ${name}`, () => {
    test("a person exports what is known of them, and nobody else does", async () => {
      await using subject = await given();
      const { house, ada, userId } = subject;
      const data = expect(await house.identity.exportPersonalData({ userId }, await ada.asking()));
      assert.deepEqual(
        [data.user.name, data.credentials.totp?.status, data.sessions.length, data.apiKeys.length],
        ["Ada Lovelace", "active", 1, 1],
      );
      const eve = await house.signedUp("eve@example.com");
      const others = await house.identity.exportPersonalData({ userId }, await eve.asking());
      assert.equal(typeOf(others), "forbidden");
    });

    test("an export by an administrator is in the audit, and one's own is not", async () => {
      await using subject = await given();
      const { house, ada, userId } = subject;
      const admin = await house.administrator();
      const asking = { ...(await admin.asking()), operation: "identity.exportPersonalData" };
      expect(await house.identity.exportPersonalData({ userId }, await ada.asking()));
      expect(await house.identity.exportPersonalData({ userId }, asking));
      const operation = "identity.exportPersonalData";
      const audit = expect(await house.identity.listAudit({ operation }, asking));
      assert.deepEqual(
        audit.items.map(({ actor, targets }) => [actor, targets]),
        [[admin.userId, [userId]]],
      );
    });

    test("a deleted user is erased after a week: rows, events and audit tell nothing of them", async () => {
      await using subject = await given();
      const { house, ada, userId, erase } = subject;
      const { identity } = house;
      const { length } = await house.subject.events();
      expect(await identity.deleteUser({ userId }, await ada.asking()));
      house.clock.advance(weekMs);
      assert.equal((await erase()).done, 0);
      house.clock.advance(1);
      assert.equal((await erase()).done, 1);
      assert.equal((await erase()).done, 0, "once");

      const told = (await house.subject.events()).slice(length);
      assert.deepEqual(told, [
        "identity.session-ended",
        "identity.user-deleted",
        "identity.user-erased",
      ]);
      const left = JSON.stringify(await house.subject.everything());
      assert.doesNotMatch(left, /\bAda\b|ada@|Lovelace|at home/);
      assert.match(left, /erased@erased\.invalid/, "the events stay, and can be read");
      const entries = await house.subject.audit.page({ actor: userId }, { limit: 100 });
      assert.ok(entries.length > 0 && entries.every(({ origin }) => origin === undefined));
      const gone = await identity.getUser({ userId }, await house.system());
      assert.deepEqual(gone, err({ type: "user-not-found" }));
    });

    test("an erasure leaves alone what is about others, though the user once asked for their address", async () => {
      await using subject = await given();
      const { house, ada, userId, erase } = subject;
      const { identity } = house;
      const victims = { userId, email: emailOf("victim@example.com") };
      expect(await identity.updateUser(victims, await ada.asking()));
      await house.signedUp("victim@example.com");
      await house.signIn("victim@example.com", otherPassword);
      expect(await identity.deleteUser({ userId }, await ada.asking()));
      house.clock.advance(weekMs + 1);
      await erase();
      const { audit } = house.subject;
      const entries = await audit.page({ target: "victim@example.com" }, { limit: 10 });
      assert.deepEqual(
        entries.map(({ outcome, origin }) => [outcome, origin?.address]),
        [["sign-in-refused", "192.0.2.1"]],
      );
    });

    test("the address of an erased user is free, and so is their successor's life", async () => {
      await using subject = await given();
      const { house, ada, userId, erase } = subject;
      expect(await house.identity.deleteUser({ userId }, await ada.asking()));
      const again = await house.signedUp("ada@example.com");
      house.clock.advance(weekMs + 1);
      await erase();
      const user = expect(
        await house.identity.getUser({ userId: again.userId }, await house.system()),
      );
      assert.equal(user.email, emailOf("ada@example.com"));
      assert.deepEqual(
        await house.identity.eraseUsers({}, await house.system()),
        ok({ done: 0, failures: [] }),
      );
    });
  });
}
