import assert from "node:assert/strict";
import { AddPasskey, SignInWithPasskey } from "../application/credentials/passkeys.ts";
import { describe, test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import { softwareAuthenticator } from "./authenticator.ts";
import {
  identityOn,
  minuteMs,
  origin,
  typeOf,
  withTotp,
  type House,
  type OpenIdentity,
} from "./fixtures.ts";
import { PasskeyName } from "../domain/credentials.ts";

const passkeyName = expect(PasskeyName.parse("phone"));

type CreationOptions = { readonly challenge: string; readonly user: { readonly id: string } };

/** Passkeys, on every adapter of identity's repositories. */
export function passkeysContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`passkeys on ${name}`, () => {
    async function withPasskey(house: House) {
      const ada = await house.signedUp("ada@example.com");
      const key = softwareAuthenticator(origin);
      const { userId } = ada;
      const begin = async () =>
        expect(
          await house.identity.beginPasskey({ userId }, await ada.asking()),
        ) as CreationOptions;
      const add = async (response: object) =>
        house.identity.addPasskey(
          expect(AddPasskey.parse({ userId, name: passkeyName, response })),
          await ada.asking(),
        );
      const challenge = async () =>
        expect(
          await house.identity.beginPasskeySignIn({}, await house.asking()),
        ) as CreationOptions;
      const signIn = async (response: object) =>
        house.identity.signInWithPasskey(
          expect(SignInWithPasskey.parse({ response })),
          await house.asking(),
        );
      return { ada, key, begin, add, challenge, signIn };
    }

    test("a passkey signs in without a password, also beside a second factor", async () => {
      await using house = await given();
      const { ada, key, begin, add, challenge, signIn } = await withPasskey(house);
      await withTotp(house, ada);
      house.clock.advance(1_000);
      expect(await add(key.create(await begin())));
      house.clock.advance(1_000);
      const { session, accessToken } = expect(await signIn(key.get(await challenge())));
      assert.deepEqual([session.userId, session.factors], [ada.userId, ["passkey"]]);
      assert.equal(await house.isAccepted({ accessToken }), true);
      const shown = await house.identity.getCredentials({ userId: ada.userId }, await ada.asking());
      assert.deepEqual(
        expect(shown).passkeys.map(({ id }) => id),
        [key.id],
      );
    });

    test("an answer signs in once, and none to an older challenge after it", async () => {
      await using house = await given();
      const { key, begin, add, challenge, signIn } = await withPasskey(house);
      expect(await add(key.create(await begin())));
      house.clock.advance(1_000);
      const older = key.get(await challenge());
      house.clock.advance(1_000);
      const answer = key.get(await challenge());
      expect(await signIn(answer));
      assert.equal(typeOf(await signIn(answer)), "sign-in-refused");
      assert.equal(typeOf(await signIn(older)), "sign-in-refused");
    });

    test("refuses answers from another origin, by another key, too late, or without user verification", async () => {
      await using house = await given();
      const { ada, key, begin, add, challenge, signIn } = await withPasskey(house);
      const options = await begin();
      const stranger = softwareAuthenticator(origin);
      for (const bad of [
        key.create(options, { origin: "https://evil.example" }),
        key.create(options, { flags: 0x41 }),
        key.create(options, { type: "webauthn.get" }),
        key.create({ ...options, challenge: Buffer.from("mine").toString("base64url") }),
        key.create({ ...options, challenge: (await challenge()).challenge }),
      ])
        assert.equal(typeOf(await add(bad)), "passkey-refused");
      for (const response of [{ id: "x" }, {}])
        assert.equal(AddPasskey.parse({ userId: ada.userId, name: "x", response }).ok, false);
      const made = key.create(options);
      expect(await add(made));
      assert.equal(typeOf(await add(made)), "passkey-refused", "the challenge was used");
      const stale = await begin();
      house.clock.advance(6 * minuteMs);
      assert.equal(typeOf(await add(stranger.create(stale))), "passkey-refused");

      const asked = await challenge();
      const good = key.get(asked);
      const impostor = stranger.get(asked);
      for (const bad of [
        {
          ...impostor,
          response: { ...impostor.response, userHandle: good.response["userHandle"] },
        },
        { ...impostor, id: good.id, rawId: good.rawId },
        key.get(asked, { origin: "https://evil.example" }),
        key.get(asked, { flags: 0x01 }),
        key.get(asked, { type: "webauthn.create" }),
        { ...good, response: { ...good.response, userHandle: "" } },
      ])
        assert.equal(typeOf(await signIn(bad)), "sign-in-refused");
      assert.equal(SignInWithPasskey.parse({ response: { ...good, response: null } }).ok, false);
      house.clock.advance(6 * minuteMs);
      assert.equal(typeOf(await signIn(good)), "sign-in-refused");
      expect(await signIn(key.get(await challenge())));
    });

    test("a removed passkey, and one of a disabled user, signs nobody in", async () => {
      await using house = await given();
      const { ada, key, begin, add, challenge, signIn } = await withPasskey(house);
      const admin = await house.administrator();
      const { userId } = ada;
      expect(await add(key.create(await begin())));
      house.clock.advance(1_000);
      const set = async (status: "active" | "disabled") =>
        expect(await house.identity.setUserStatus({ userId, status }, await admin.asking()));
      await set("disabled");
      assert.equal(typeOf(await signIn(key.get(await challenge()))), "sign-in-refused");
      await set("active");
      const { accessToken } = expect(await signIn(key.get(await challenge())));
      const asking = () => house.asking(accessToken);
      const passkeyId = key.id as never;
      const remove = async () =>
        house.identity.removePasskey({ userId, passkeyId }, await asking());
      expect(await remove());
      assert.equal(typeOf(await remove()), "passkey-not-found");
      assert.equal(typeOf(await signIn(key.get(await challenge()))), "sign-in-refused");
    });

    test("nobody has more than twenty passkeys", async () => {
      await using house = await given();
      const { begin, add } = await withPasskey(house);
      for (let i = 0; i < 20; i += 1)
        expect(await add(softwareAuthenticator(origin).create(await begin())));
      const more = await add(softwareAuthenticator(origin).create(await begin()));
      assert.deepEqual(more, err({ type: "too-many-passkeys", max: 20 }));
    });
  });
}
