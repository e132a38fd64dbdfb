import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import type { UserId } from "../domain/user-id.ts";
import { resetToken } from "./emailed-tokens.ts";
import {
  hourMs,
  identityOn,
  nameOf,
  otherPassword,
  permissionOf,
  typeOf,
  type OpenIdentity,
} from "./fixtures.ts";
import { CreateApiKey } from "../application/access/api-keys.ts";

/** API keys and their scopes, on every adapter of identity's repositories. */
export function apiKeysContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`API keys on ${name}`, () => {
    const keyWith = (...scopes: readonly string[]) =>
      expect(
        CreateApiKey.parse({
          userId: "user_00000000000000000000000000",
          name: "robot",
          scopes,
          expiresInDays: 30,
        }),
      );

    test("a key acts as its owner, within its scopes, until it is revoked", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      const created = expect(
        await identity.createApiKey({ ...keyWith("users:read"), userId }, await ada.asking()),
      );
      const robot = () => house.asking(created.token);
      assert.equal((await robot()).actor, userId);
      assert.equal((await robot()).credential, created.key.id);
      expect(await identity.getUser({ userId }, await robot()));
      const renaming = { userId, name: nameOf("Robot") };
      assert.equal(typeOf(await identity.updateUser(renaming, await robot())), "forbidden");
      const more = await identity.createApiKey({ ...keyWith("*:*"), userId }, await robot());
      assert.equal(typeOf(more), "sign-in-too-old", "a key makes no keys");
      assert.ok(house.used.includes(created.key.id));

      const { id: keyId } = created.key;
      const listed = expect(await identity.listApiKeys({ userId }, await ada.asking()));
      assert.deepEqual(
        listed.map(({ id }) => id),
        [keyId],
      );
      expect(await identity.revokeApiKey({ keyId }, await ada.asking()));
      assert.equal((await robot()).actor, "anonymous");
      const again = await identity.revokeApiKey({ keyId }, await ada.asking());
      assert.equal(typeOf(again), "api-key-not-found");
    });

    test("a scope that nothing asks for is refused", async () => {
      await using house = await given();
      const { userId, asking } = await house.signedUp("ada@example.com");
      const wanted = { ...keyWith("users:read", "users:raed"), userId };
      assert.deepEqual(
        await house.identity.createApiKey(wanted, await asking()),
        err({ type: "unknown-permission", permission: permissionOf("users:raed") }),
      );
    });

    test("a key gives nobody what they may not do themselves, and expires", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const eve = await house.signedUp("eve@example.com");
      const all = { ...keyWith("*:*"), userId: eve.userId };
      assert.equal(typeOf(await identity.createApiKey(all, await ada.asking())), "forbidden");
      const { token, key } = expect(await identity.createApiKey(all, await eve.asking()));
      const spying = await identity.getUser({ userId: ada.userId }, await house.asking(token));
      assert.equal(typeOf(spying), "forbidden");
      const revoking = await identity.revokeApiKey({ keyId: key.id }, await ada.asking());
      assert.equal(typeOf(revoking), "forbidden");
      house.clock.advance(31 * 24 * hourMs);
      assert.equal((await house.asking(token)).actor, "anonymous");
    });

    test("a key ends when its owner is disabled or resets the password, also after both are over", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      for (const [email, end] of [
        [
          "ada@example.com",
          async ({ userId }: { readonly userId: UserId }) => {
            for (const status of ["disabled", "active"] as const)
              expect(await identity.setUserStatus({ userId, status }, await admin.asking()));
          },
        ],
        [
          "bob@example.com",
          async ({ userId }: { readonly userId: UserId }) => {
            const token = await resetToken(house, { userId, address: "bob@example.com" });
            const password = otherPassword;
            expect(await identity.setPassword({ token, password }, await house.asking()));
          },
        ],
      ] as const) {
        const owner = await house.signedUp(email);
        const { userId } = owner;
        const wanted = { ...keyWith("*:*"), userId };
        const { token } = expect(await identity.createApiKey(wanted, await owner.asking()));
        assert.equal((await house.asking(token)).actor, userId);

        await end(owner);

        assert.equal((await house.asking(token)).actor, "anonymous", email);
      }
    });

    test("nobody has more than a hundred keys", async () => {
      await using house = await given();
      const { userId, asking } = await house.signedUp("ada@example.com");
      const context = await asking();
      const create = () => house.identity.createApiKey({ ...keyWith(), userId }, context);
      const outcomes = await Promise.all(Array.from({ length: 120 }, create));
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 100);
      assert.deepEqual(await create(), err({ type: "too-many-api-keys", max: 100 }));
    });
  });
}
