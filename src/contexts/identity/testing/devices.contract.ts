import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import type { ApiKeyName } from "../domain/api-key.ts";
import type { UserId } from "../domain/user-id.ts";
import { resetToken } from "./emailed-tokens.ts";
import {
  hourMs,
  identityOn,
  minuteMs,
  otherPassword,
  permissionOf,
  typeOf,
  type House,
  type OpenIdentity,
  type Person,
} from "./fixtures.ts";

const wanted = { scopes: [permissionOf("users:read")], allows: "read who you are" };

async function asked({ identity, asking }: House, agent = "A phone") {
  const origin = { address: "192.0.2.7", agent };
  const tokens = expect(await identity.requestDevice(wanted, await asking(undefined, { origin })));
  return {
    request: tokens.requestToken,
    collection: tokens.collectionToken,
    describe: async () =>
      identity.describeDeviceRequest({ token: tokens.requestToken }, await asking()),
    collect: async () =>
      identity.collectDeviceKey({ token: tokens.collectionToken }, await asking()),
    approve: async (who: Pick<Person, "asking">, userId: UserId) =>
      identity.approveDeviceRequest({ userId, token: tokens.requestToken }, await who.asking()),
  };
}

/** Keys for devices, which a person approves, on every adapter of identity's repositories. */
export function devicesContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`keys of devices on ${name}`, () => {
    test("a device gets its key once a user has approved the request, and the same key if it asks again", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      const device = await asked(house);
      const described = expect(await device.describe());
      assert.deepEqual(
        [described.name, described.address, described.allows],
        ["A phone", "192.0.2.7", "read who you are"],
      );
      assert.equal(typeOf(await device.collect()), "device-request-pending");

      const key = expect(await device.approve(ada, userId));
      assert.deepEqual([key.name, key.scopes], ["A phone", wanted.scopes]);
      for (const collected of [expect(await device.collect()), expect(await device.collect())]) {
        assert.equal(collected.email, "ada@example.com");
        const phone = await house.asking(collected.token);
        assert.deepEqual(
          [phone.actor, phone.credential, phone.scopes],
          [userId, key.id, wanted.scopes],
        );
      }
    });

    test("a request is approved once, by one user, however many try at once", async () => {
      await using house = await given();
      const people = [
        await house.signedUp("ada@example.com"),
        await house.signedUp("bob@example.com"),
      ];
      const device = await asked(house);
      const outcomes = await Promise.all(
        [...people, ...people].map((one) => device.approve(one, one.userId)),
      );
      assert.deepEqual(outcomes.map(typeOf).toSorted(), [
        ...Array.from({ length: 3 }, () => "device-request-void"),
        "ok",
      ]);
      const winner = people[outcomes.findIndex(({ ok }) => ok) % 2];
      const { token } = expect(await device.collect());
      assert.equal((await house.asking(token)).actor, winner?.userId);
      assert.equal(typeOf(await device.describe()), "device-request-void");
    });

    test("a request is void after twenty minutes, and its key is collected a little longer", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const [late, inTime] = [await asked(house), await asked(house)];
      house.clock.advance(19 * minuteMs);
      const { accessToken } = expect(await house.signIn("ada@example.com"));
      const again = { asking: () => house.asking(accessToken) };
      expect(await inTime.approve(again, ada.userId));
      house.clock.advance(minuteMs);
      assert.equal(typeOf(await late.describe()), "device-request-void");
      assert.equal(typeOf(await late.approve(again, ada.userId)), "device-request-void");
      assert.equal(typeOf(await late.collect()), "device-request-pending");
      expect(await inTime.collect());
      house.clock.advance(5 * minuteMs);
      assert.equal(typeOf(await late.collect()), "device-request-void");
      assert.equal(typeOf(await inTime.collect()), "device-request-void");
    });

    test("nobody approves with an old sign-in, with a key, for somebody else, or a token of another kind", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const bob = await house.signedUp("bob@example.com");
      const device = await asked(house);
      assert.equal(typeOf(await device.approve(bob, ada.userId)), "forbidden");
      const first = await asked(house);
      expect(await first.approve(ada, ada.userId));
      const { token } = expect(await first.collect());
      const byKey = { asking: () => house.asking(token) };
      assert.equal(typeOf(await device.approve(byKey, ada.userId)), "sign-in-too-old");
      const swapped = await house.identity.approveDeviceRequest(
        { userId: ada.userId, token: device.collection },
        await ada.asking(),
      );
      assert.equal(typeOf(swapped), "device-request-void");
      const collecting = await house.identity.collectDeviceKey(
        { token: first.request },
        await house.asking(),
      );
      assert.equal(typeOf(collecting), "device-request-void");
      const longAgo = { actor: ada.userId, signedInAtMs: house.clock.unixMs() - hourMs };
      const before = { asking: () => house.asking(undefined, longAgo) };
      assert.equal(typeOf(await device.approve(before, ada.userId)), "sign-in-too-old");
      const stranger = await house.registered("new@example.com");
      assert.equal(typeOf(await device.approve(stranger, stranger.userId)), "email-unverified");
    });

    test("a device that signs out revokes its own key and no other, though its scopes do not say so", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const [one, other] = [await asked(house), await asked(house)];
      const keyId = expect(await one.approve(ada, ada.userId)).id;
      const otherId = expect(await other.approve(ada, ada.userId)).id;
      const { token } = expect(await one.collect());
      const revoke = async (id: typeof keyId) =>
        typeOf(await house.identity.revokeApiKey({ keyId: id }, await house.asking(token)));
      assert.equal(await revoke(otherId), "forbidden");
      assert.equal(await revoke(keyId), "ok");
      assert.equal((await house.asking(token)).actor, "anonymous");
      assert.equal(typeOf(await one.collect()), "device-request-void");
      expect(await other.collect());
    });

    test("what was asked before a reset makes no key after it, however many ask at once", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      const before = await ada.asking();
      const device = await asked(house);
      const asOf = { asking: async () => before };
      const token = await resetToken(house, { userId, address: "ada@example.com" });
      const reset = async () => {
        await new Promise(setImmediate);
        const asking = await house.asking();
        return expect(await house.identity.setPassword({ token, password: otherPassword }, asking));
      };
      const key = { ...wanted, userId, name: "thief" as ApiKeyName, expiresInDays: 1 as never };
      await Promise.all([
        reset(),
        ...Array.from({ length: 8 }, () => house.identity.createApiKey(key, before)),
        device.approve(asOf, userId),
      ]);
      const again = expect(await house.signIn("ada@example.com", otherPassword));
      const now = await house.asking(again.accessToken);
      assert.deepEqual(expect(await house.identity.listApiKeys({ userId }, now)), []);
      assert.equal(typeOf(await device.approve(asOf, userId)), "sign-in-too-old");
    });

    test("a device may have any name, or none", async () => {
      await using house = await given();
      const nameOf = async (agent: string) =>
        expect(await (await asked(house, agent)).describe()).name;
      assert.equal(await nameOf("  "), "A device without a name");
      assert.equal(await nameOf("x".repeat(200)), "x".repeat(64));
      assert.equal(await nameOf("<script>"), "<script>");
    });
  });
}
