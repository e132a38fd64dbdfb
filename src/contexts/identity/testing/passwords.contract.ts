import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import { resetToken, verifyToken } from "./emailed-tokens.ts";
import {
  codeOf,
  emailOf,
  goodPassword,
  hourMs,
  identityOn,
  minuteMs,
  nameOf,
  otherPassword,
  passwordOf,
  permissionOf,
  typeOf,
  type OpenIdentity,
} from "./fixtures.ts";
import { ApiKeyName } from "../domain/api-key.ts";
import type { Token } from "../application/tokens.ts";

/** Passwords, and the tokens that set them, on every adapter of identity's repositories. */
export function passwordsContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`passwords on ${name}`, () => {
    test("a common password, and one made of the address, is refused", async () => {
      await using house = await given();
      const register = async (password: string) =>
        house.identity.registerUser(
          {
            email: emailOf("lovelace@example.com"),
            name: nameOf("Ada"),
            password: passwordOf(password),
          },
          await house.asking(),
        );
      for (const bad of ["password1", "lovelace1815", "Basalt-2026"])
        assert.equal(typeOf(await register(bad)), "password-too-common");
      expect(await register("lovelace and babbage, engines"));
    });

    test("a new password ends all other sessions, and the old one signs nobody in", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const phone = expect(await house.signIn("ada@example.com"));
      const change = async (currentPassword = goodPassword, newPassword = otherPassword) =>
        house.identity.changePassword(
          { userId: ada.userId, currentPassword, newPassword },
          await ada.asking(),
        );
      assert.equal(typeOf(await change(otherPassword)), "wrong-password");
      assert.equal(
        typeOf(await change(goodPassword, passwordOf("password1"))),
        "password-too-common",
      );
      expect(await change());
      assert.equal(await house.isAccepted(phone), false);
      assert.equal(await house.isAccepted(ada.tokens), true);
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      expect(await house.signIn("ada@example.com", otherPassword));
    });

    test("changing credentials requires a recent sign-in", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      house.clock.advance(16 * minuteMs);
      const tokens = expect(await house.refresh(ada.tokens));
      const context = await house.asking(tokens.accessToken);
      const { userId } = ada;
      const passwords = { currentPassword: goodPassword, newPassword: otherPassword };
      const email = emailOf("eve@example.com");
      const key = { name: expect(ApiKeyName.parse("key")), scopes: [], expiresInDays: 1 as never };
      const outcomes = [
        await identity.changePassword({ userId, ...passwords }, context),
        await identity.enrolTotp({ userId }, context),
        await identity.activateTotp({ userId, code: codeOf("123456") }, context),
        await identity.removeTotp({ userId }, context),
        await identity.beginPasskey({ userId }, context),
        await identity.removePasskey({ userId, passkeyId: "x" as never }, context),
        await identity.createApiKey({ userId, ...key }, context),
        await identity.updateUser({ userId, email }, context),
        await identity.deleteUser({ userId }, context),
      ];
      assert.deepEqual(new Set(outcomes.map(typeOf)), new Set(["sign-in-too-old"]));
      expect(await identity.updateUser({ userId, name: nameOf("Ada") }, context));
    });

    test("the system's password works once, with a new one", async () => {
      await using house = await given();
      const { identity } = house;
      const email = emailOf("root@example.com");
      const made = expect(await identity.ensureAdministrator({ email }, await house.system()));
      assert.ok(made.kind === "appointed" && made.made);
      const initial = made.made;
      const using = async (newPassword?: typeof initial) =>
        identity.signIn(
          { email, password: initial, ...(newPassword ? { newPassword } : {}) },
          await house.asking(),
        );
      assert.equal(typeOf(await using()), "new-password-required");
      assert.equal(typeOf(await using(initial)), "new-password-required");
      expect(await using(otherPassword));
      assert.equal(typeOf(await using(otherPassword)), "sign-in-refused");
      const again = await identity.ensureAdministrator({ email }, await house.system());
      assert.deepEqual(again, ok({ kind: "known" }));
    });

    test("an emailed token sets a password once, verifies the address, and ends all sessions", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const token = await resetToken(house, { ...ada, address: "ada@example.com" });
      const set = async (password = otherPassword) =>
        house.identity.setPassword({ token, password }, await house.asking());
      assert.equal(typeOf(await set(passwordOf("password1"))), "password-too-common");
      expect(await set());
      assert.equal(await house.isAccepted(ada.tokens), false);
      assert.equal(typeOf(await set(goodPassword)), "token-refused");
      expect(await house.signIn("ada@example.com", otherPassword));
      const user = { userId: ada.userId };
      const shown = expect(await house.identity.getUser(user, await house.system()));
      assert.equal(shown.isEmailVerified, true);
    });

    test("nothing but a password is added before the address is verified, and a reset voids that", async () => {
      await using house = await given();
      const { identity } = house;
      const squatter = await house.registered("ada@example.com");
      const { userId } = squatter;
      const name = expect(ApiKeyName.parse("key"));
      const key = { userId, name, scopes: [permissionOf("*:*")], expiresInDays: 1 as never };
      for (const refused of [
        await identity.beginPasskey({ userId }, await squatter.asking()),
        await identity.enrolTotp({ userId }, await squatter.asking()),
        await identity.createApiKey(key, await squatter.asking()),
      ])
        assert.deepEqual(refused, err({ type: "email-unverified" }));

      const reset = {
        token: await resetToken(house, { userId, address: "ada@example.com" }),
        password: otherPassword,
      };
      expect(await identity.setPassword(reset, await house.asking()));

      assert.equal((await squatter.asking()).actor, "anonymous");
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      const ada = expect(await house.signIn("ada@example.com", otherPassword));
      expect(await identity.enrolTotp({ userId }, await house.asking(ada.accessToken)));
    });

    test("a repeated request is given no new tokens of a session that has ended", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const idempotency = { key: "k", fingerprint: "f" };
      const context = await house.asking(undefined, { idempotency });
      const refreshToken = ada.tokens.refreshToken as never;
      expect(await house.identity.refreshSession({ refreshToken }, context));
      expect(await house.identity.endSessions({ userId: ada.userId }, await ada.asking()));
      const again = await house.identity.refreshSession({ refreshToken }, context);
      assert.equal(typeOf(again), "session-over");
    });

    test("one of several racing uses of a token sets the password", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const token = await resetToken(house, { ...ada, address: "ada@example.com" });
      const context = await house.asking();
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () =>
          house.identity.setPassword({ token, password: otherPassword }, context),
        ),
      );
      assert.deepEqual(outcomes.map(typeOf).toSorted(), ["ok", ...Array(7).fill("token-refused")]);
    });

    test("a token that is late, garbled, for something else or of a disabled user is refused", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      const set = async (token: string) =>
        house.identity.setPassword(
          { token: token as Token, password: otherPassword },
          await house.asking(),
        );
      const to = { userId, address: "ada@example.com" };
      const late = await resetToken(house, to);
      house.clock.advance(hourMs);
      const admin = await house.administrator();
      const token = await resetToken(house, to);
      const other = verifyToken(house, to);
      for (const bad of [late, other, `${token}x`, token.replace(".", "..")])
        assert.equal(typeOf(await set(bad)), "token-refused");
      const disabled = { userId, status: "disabled" } as const;
      expect(await house.identity.setUserStatus(disabled, await admin.asking()));
      assert.equal(typeOf(await set(token)), "token-refused");
    });

    test("asking for a new password is the same for everybody", async () => {
      await using house = await given();
      await house.signedUp("ada@example.com");
      const before = (await house.subject.events()).length;
      for (const address of ["ada@example.com", "nobody@example.com"])
        expect(
          await house.identity.requestPasswordReset(
            { email: emailOf(address) },
            await house.asking(),
          ),
        );
      assert.deepEqual((await house.subject.events()).slice(before), [
        "identity.password-reset-requested",
        "identity.password-reset-requested",
      ]);
    });
  });
}
