import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { invitationToken, resetToken, verifyToken, wayBack } from "./emailed-tokens.ts";
import {
  emailOf,
  goodPassword,
  hourMs,
  identityOn,
  minuteMs,
  nameOf,
  otherPassword,
  typeOf,
  withTotp,
  type House,
  type OpenIdentity,
  type Person,
} from "./fixtures.ts";
import type { Token } from "../application/tokens.ts";

/** Addresses: verified, changed, taken back and invited, on every adapter of identity's repositories. */
export function addressesContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`addresses on ${name}`, () => {
    /** Asks for another address of the user, and confirms it. */
    const move = async (house: House, who: Person, to: string) => {
      const { userId } = who;
      const wanted = { userId, email: emailOf(to) };
      const asked = expect(await house.identity.updateUser(wanted, await who.asking()));
      assert.equal(asked.pendingEmail, to);
      const token = verifyToken(house, { userId, address: to });
      expect(await house.identity.verifyEmail({ token }, await who.asking()));
      return asked.email;
    };

    test("an address counts once its owner has confirmed it; tokens for the former one are void", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const token = await resetToken(house, { ...ada, address: "ada@example.com" });
      const admin = await house.administrator();
      const { userId } = ada;
      const theirs = { userId, email: emailOf("evil@example.com") };
      const asked = expect(await identity.updateUser(theirs, await admin.asking()));
      assert.deepEqual([asked.email, asked.pendingEmail], ["ada@example.com", "evil@example.com"]);
      const evil = { token: verifyToken(house, { userId, address: "evil@example.com" }) };
      const moved = await identity.verifyEmail(evil, await admin.asking());
      assert.equal(typeOf(moved), "token-refused", "an administrator cannot confirm it");

      assert.equal(await move(house, ada, "king@example.com"), "ada@example.com");
      assert.equal(typeOf(await identity.verifyEmail(evil, await ada.asking())), "token-refused");
      const set = { token, password: otherPassword };
      assert.equal(typeOf(await identity.setPassword(set, await house.asking())), "token-refused");
      const now = expect(await identity.getUser({ userId }, await house.system()));
      assert.deepEqual([now.email, now.isEmailVerified], ["king@example.com", true]);
    });

    test("a changed password withdraws an address that waits for its confirmation", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      const evil = { userId, email: emailOf("evil@example.com") };
      expect(await identity.updateUser(evil, await ada.asking()));
      const token = verifyToken(house, { userId, address: "evil@example.com" });
      const passwords = { currentPassword: goodPassword, newPassword: otherPassword };

      expect(await identity.changePassword({ userId, ...passwords }, await ada.asking()));

      const now = expect(await identity.getUser({ userId }, await house.system()));
      assert.equal(now.pendingEmail, undefined);
      const late = await identity.verifyEmail({ token }, await house.system());
      assert.equal(late.ok, false);
    });

    test("two users who ask for one address race, and one gets it", async () => {
      await using house = await given();
      const { identity } = house;
      const [ada, eve] = [
        await house.signedUp("ada@example.com"),
        await house.signedUp("eve@example.com"),
      ];
      const email = emailOf("shared@example.com");
      const confirm = async ({ userId, asking }: Person) => {
        expect(await identity.updateUser({ userId, email }, await asking()));
        const token = verifyToken(house, { userId, address: email });
        const context = await asking();
        return () => identity.verifyEmail({ token }, context);
      };
      const racers = [await confirm(ada), await confirm(eve)];
      const outcomes = await Promise.all(racers.map((race) => race()));
      assert.deepEqual(outcomes.map(typeOf).toSorted(), ["ok", "user-already-exists"]);
    });

    test("a former address takes the account back, and the thief has nothing left", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      await withTotp(house, ada);
      await move(house, ada, "evil@example.com");
      await move(house, ada, "worse@example.com");
      const name = nameOf("Eve");
      const taken = { email: emailOf("ada@example.com"), name, password: goodPassword };
      const registered = await identity.registerUser(taken, await house.asking());
      assert.equal(typeOf(registered), "user-already-exists", "nobody gets the address meanwhile");
      const thiefs = await wayBack(house, { userId, address: "evil@example.com" });
      const adas = await wayBack(house, { userId, address: "ada@example.com" });

      expect(await identity.setPassword(adas, await house.asking()));
      assert.equal(await house.isAccepted(ada.tokens), false);
      const back = expect(await house.signIn("ada@example.com", otherPassword)); // without a code
      const now = expect(await identity.getUser({ userId }, await house.system()));
      assert.deepEqual([now.email, now.isEmailVerified], ["ada@example.com", true]);
      for (const used of [adas, thiefs]) {
        const again = await identity.setPassword(used, await house.asking());
        assert.equal(typeOf(again), "token-refused");
      }

      house.clock.advance(minuteMs);
      const owner = { ...ada, asking: () => house.asking(back.accessToken) };
      await move(house, owner, "king@example.com");
      const old = await identity.setPassword(adas, await house.asking());
      assert.equal(typeOf(old), "token-refused", "it was for another change");
    });

    test("an address that was in use for a moment takes the account back as well", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const { userId } = ada;
      await move(house, ada, "king@example.com");
      house.clock.advance(5 * minuteMs);
      await move(house, ada, "evil@example.com");
      house.clock.advance(72 * hourMs - 5 * minuteMs);
      const tooLate = await wayBack(house, { userId, address: "ada@example.com" });
      assert.equal(
        typeOf(await identity.setPassword(tooLate, await house.asking())),
        "token-refused",
      );
      const king = await wayBack(house, { userId, address: "king@example.com" });
      expect(await identity.setPassword(king, await house.asking()));
      expect(await house.signIn("king@example.com", otherPassword));
    });

    test("an address is verified by its signed-in user, with a token for that address", async () => {
      await using house = await given();
      const ada = await house.registered("ada@example.com");
      const eve = await house.signedUp("eve@example.com");
      const verify = async (address: string, { asking }: Pick<typeof ada, "asking">) => {
        const token = verifyToken(house, { ...ada, address });
        return house.identity.verifyEmail({ token }, await asking());
      };
      assert.equal(typeOf(await verify("eve@example.com", ada)), "token-refused");
      assert.equal(typeOf(await verify("ada@example.com", eve)), "token-refused");
      const stranger = { asking: () => house.asking() };
      assert.equal(typeOf(await verify("ada@example.com", stranger)), "forbidden");
      expect(await verify("ada@example.com", ada));
      expect(await verify("ada@example.com", ada)); // posted twice
    });

    test("a token that verifies an address is refused once it is late", async () => {
      await using house = await given();
      const { userId, tokens } = await house.registered("ada@example.com");
      const token = verifyToken(house, { userId, address: "ada@example.com" });
      house.clock.advance(hourMs);
      const { accessToken } = expect(await house.refresh(tokens));
      const late = await house.identity.verifyEmail({ token }, await house.asking(accessToken));
      assert.equal(typeOf(late), "token-refused");
    });

    test("an invitation is accepted once, for its address, while it lasts", async () => {
      await using house = await given();
      const { identity } = house;
      const who = { email: emailOf("ada@example.com"), name: nameOf("Ada") };
      const { id: userId } = expect(await identity.registerUser(who, await house.system()));
      const invitation = (address = "ada@example.com") =>
        invitationToken(house, { userId, address });
      const accept = async (token: Token) =>
        identity.setPassword({ token, password: goodPassword }, await house.asking());
      const token = invitation();
      const other = invitation("eve@example.com");
      assert.equal(typeOf(await accept(other)), "token-refused");
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      house.clock.advance(hourMs);
      assert.equal(typeOf(await accept(token)), "invitation-expired");
      expect(await accept(invitation()));
      assert.equal(typeOf(await accept(invitation())), "invitation-accepted");
      const user = expect(await identity.getUser({ userId }, await house.system()));
      assert.deepEqual([user.status, user.isEmailVerified], ["active", true]);
      expect(await house.signIn("ada@example.com"));
    });

    test("a disabled invitation cannot be accepted", async () => {
      await using house = await given();
      const { identity } = house;
      const who = { email: emailOf("ada@example.com"), name: nameOf("Ada") };
      const { id: userId } = expect(await identity.registerUser(who, await house.system()));
      const token = invitationToken(house, { userId, address: "ada@example.com" });
      const disabled = { userId, status: "disabled" } as const;
      await house.administrator();
      expect(await identity.setUserStatus(disabled, await house.system()));
      const input = { token, password: goodPassword };
      const outcome = await identity.setPassword(input, await house.asking());
      assert.equal(typeOf(outcome), "token-refused");
    });
  });
}
