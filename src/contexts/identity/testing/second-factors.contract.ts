import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { resetToken } from "./emailed-tokens.ts";
import {
  codeOf,
  emailOf,
  goodPassword,
  identityOn,
  otherPassword,
  typeOf,
  withTotp,
  type OpenIdentity,
} from "./fixtures.ts";

/** Authenticator apps and recovery codes, on every adapter of identity's repositories. */
export function secondFactorsContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`second factors on ${name}`, () => {
    test("requires a code beside the password once an authenticator app is active", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const totp = await withTotp(house, ada);
      const email = emailOf("ada@example.com");
      const using = async (code?: string) =>
        house.identity.signIn(
          { email, password: goodPassword, ...(code ? { code: codeOf(code) } : {}) },
          await house.asking(),
        );
      assert.equal(typeOf(await using()), "second-factor-required");
      assert.equal(typeOf(await using("000000")), "code-refused");
      assert.equal(typeOf(await using(totp.now())), "code-refused", "it activated the app");
      house.clock.advance(30_000);
      const code = totp.now();
      const { session } = expect(await using(code));
      assert.deepEqual(session.factors, ["password", "totp"]);
      assert.equal(typeOf(await using(code)), "code-refused", "once");
      house.clock.advance(30_000);
      const racing = totp.now();
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => using(racing)));
      assert.equal(outcomes.filter(({ ok }) => ok).length, 1);
    });

    test("each recovery code works once", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const { recovery } = await withTotp(house, ada);
      assert.equal(recovery.length, 10);
      const email = emailOf("ada@example.com");
      const using = async (code: string) =>
        house.identity.signIn(
          { email, password: goodPassword, code: codeOf(code) },
          await house.asking(),
        );
      const { session } = expect(await using(recovery[3] ?? ""));
      assert.deepEqual(session.factors, ["password", "recovery-code"]);
      assert.equal(typeOf(await using(recovery[3] ?? "")), "code-refused");
      const shown = expect(
        await house.identity.getCredentials({ userId: ada.userId }, await ada.asking()),
      );
      assert.equal(shown.recoveryCodes.length, 9);
      assert.ok(!recovery.some((code) => JSON.stringify(shown).includes(code)));
    });

    test("a reset of the password does not go round the second factor", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      await withTotp(house, ada);
      const token = await resetToken(house, { ...ada, address: "ada@example.com" });
      expect(
        await house.identity.setPassword({ token, password: otherPassword }, await house.asking()),
      );
      const after = await house.signIn("ada@example.com", otherPassword);
      assert.equal(typeOf(after), "second-factor-required");
    });

    test("the app is activated by a code of it, once; the owner or an administrator removes it", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const eve = await house.signedUp("eve@example.com");
      const admin = await house.administrator();
      const { userId } = ada;
      const activate = async (code: string) =>
        identity.activateTotp({ userId, code: codeOf(code) }, await ada.asking());
      assert.equal(typeOf(await activate("123456")), "totp-not-enrolled");
      expect(await identity.enrolTotp({ userId }, await ada.asking()));
      assert.equal(typeOf(await activate("abcdef")), "code-refused");
      expect(await house.signIn("ada@example.com"));
      const totp = await withTotp(house, ada);
      assert.equal(typeOf(await activate(totp.now())), "totp-already-active");
      assert.equal(
        typeOf(await identity.enrolTotp({ userId }, await ada.asking())),
        "totp-already-active",
      );
      assert.equal(typeOf(await identity.removeTotp({ userId }, await eve.asking())), "forbidden");
      expect(await identity.removeTotp({ userId }, await admin.asking()));
      expect(await house.signIn("ada@example.com"));
      const again = await identity.removeTotp({ userId }, await ada.asking());
      assert.equal(typeOf(again), "totp-not-enrolled");
    });
  });
}
