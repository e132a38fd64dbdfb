import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import {
  emailOf,
  hourMs,
  identityOn,
  limits,
  minuteMs,
  nameOf,
  otherPassword,
  passwordOf,
  typeOf,
  type OpenIdentity,
} from "./fixtures.ts";
import { Role } from "../domain/role.ts";

const racers = 64;

/** Sessions and their tokens, on every adapter of identity's repositories. */
export function sessionsContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`sessions on ${name}`, () => {
    test("a password signs in on a device that the list shows", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const context = await ada.asking();
      assert.equal(context.actor, ada.userId);
      assert.equal(context.credential, ada.tokens.session.id);
      const listed = expect(await house.identity.listSessions({ userId: ada.userId }, context));
      assert.deepEqual(
        listed.map(({ device, isCurrent, factors }) => ({ device, isCurrent, factors })),
        [
          {
            device: { address: "192.0.2.1", agent: "test" },
            isCurrent: true,
            factors: ["password"],
          },
        ],
      );
    });

    test("an unknown address and a wrong password are refused alike, and both are audited", async () => {
      await using house = await given();
      await house.signedUp("ada@example.com");
      const wrong = await house.signIn("ada@example.com", otherPassword);
      const unknown = await house.signIn("eve@example.com", otherPassword);
      assert.deepEqual(wrong, unknown);
      assert.deepEqual(wrong, err({ type: "sign-in-refused" }));
      const entries = await house.subject.audit.page({ outcome: "sign-in-refused" }, { limit: 9 });
      assert.deepEqual(
        entries.map(({ targets, origin }) => [targets, origin?.address]),
        [
          [["eve@example.com"], "192.0.2.1"],
          [["ada@example.com"], "192.0.2.1"],
        ],
      );
    });

    test("the password counts exactly as it was typed", async () => {
      await using house = await given();
      const password = passwordOf(" Pässword\u0000with space ".replace("\u0000", "\u0301"));
      const who = { email: emailOf("ada@example.com"), name: nameOf("Ada"), password };
      expect(await house.identity.registerUser(who, await house.asking()));
      expect(await house.signIn("ada@example.com", password));
      for (const near of [password.trim(), password.toLowerCase(), password.normalize("NFC")])
        if (near !== password)
          assert.equal(
            typeOf(await house.signIn("ada@example.com", passwordOf(near))),
            "sign-in-refused",
          );
    });

    test("a session ends for its tokens at once, for no other session", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const phone = expect(await house.signIn("ada@example.com"));
      const { id: sessionId } = phone.session;
      expect(await house.identity.endSession({ sessionId }, await ada.asking()));
      assert.equal(await house.isAccepted(phone), false);
      assert.equal(typeOf(await house.refresh(phone)), "session-over");
      assert.equal(await house.isAccepted(ada.tokens), true);
      const again = await house.identity.endSession({ sessionId }, await ada.asking());
      assert.equal(typeOf(again), "session-not-found");
    });

    test("signing out everywhere leaves no session", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const phone = expect(await house.signIn("ada@example.com"));
      expect(await house.identity.endSessions({ userId: ada.userId }, await ada.asking()));
      assert.deepEqual(
        [await house.isAccepted(phone), await house.isAccepted(ada.tokens)],
        [false, false],
      );
    });

    test("a refresh token is exchanged once; two tabs get the same successor", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      const first = expect(await house.refresh(tokens));
      const second = expect(await house.refresh(tokens));
      assert.equal(second.refreshToken, first.refreshToken);
      assert.notEqual(first.refreshToken, tokens.refreshToken);
      expect(await house.refresh(first));
    });

    test("64 racing refreshes of one token get one successor and sign nobody out", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      const answers = await Promise.all(
        Array.from({ length: racers }, () => house.refresh(tokens)),
      );
      const successors = new Set(answers.map((answer) => expect(answer).refreshToken));
      assert.equal(successors.size, 1);
      const [refreshToken = ""] = successors;
      expect(await house.refresh({ refreshToken }));
      const sessions = await house.subject.read(await house.asking(), (scope) =>
        scope.sessions.ofUser(tokens.session.userId),
      );
      assert.equal(sessions.length, 1);
    });

    test("a client that lost the answer of a refresh gets the same tokens however late it asks", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      const lost = expect(await house.refresh(tokens));
      house.clock.advance(hourMs);
      const racing = [house.refresh(tokens), house.refresh(tokens)];
      for (const answer of await Promise.all(racing))
        assert.equal(expect(answer).refreshToken, lost.refreshToken);
      expect(await house.refresh(lost));
    });

    test("a thief who exchanges the same tokens as their owner is noticed at the second one", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      const stolen = expect(await house.refresh(tokens));
      house.clock.advance(limits.graceMs + 1);
      const owners = expect(await house.refresh(tokens));
      expect(await house.refresh(stolen));
      house.clock.advance(limits.graceMs + 1);
      assert.equal(typeOf(await house.refresh(owners)), "refresh-token-reused");
      assert.equal(await house.isAccepted(owners), false);
    });

    test("a token exchanged longer ago ends the session for whoever holds a token of it", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      const next = expect(await house.refresh(expect(await house.refresh(tokens))));
      house.clock.advance(limits.graceMs + 1);
      assert.equal(typeOf(await house.refresh(tokens)), "refresh-token-reused");
      assert.equal(typeOf(await house.refresh(next)), "session-over");
      assert.equal(await house.isAccepted(next), false);
    });

    test("a session is over when it was not used for long, and at last in any case", async () => {
      await using house = await given();
      const idle = await house.signedUp("idle@example.com");
      let busy = (await house.signedUp("busy@example.com")).tokens;
      for (let hours = 0; hours < 66; hours += 22) {
        house.clock.advance(22 * hourMs);
        busy = expect(await house.refresh(busy));
      }
      assert.equal(typeOf(await house.refresh(idle.tokens)), "session-over");
      house.clock.advance(6 * hourMs);
      assert.equal(typeOf(await house.refresh(busy)), "session-over");
      assert.equal(await house.isAccepted(busy), false);
    });

    test("an access token is believed for ten minutes", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      house.clock.advance(9 * minuteMs);
      assert.equal(await house.isAccepted(tokens), true);
      house.clock.advance(2 * minuteMs);
      assert.equal(await house.isAccepted(tokens), false);
      expect(await house.refresh(tokens));
    });

    test("ends the oldest session when there are too many", async () => {
      await using house = await given();
      const { tokens, userId } = await house.signedUp("ada@example.com");
      for (let i = 0; i < 50; i += 1) expect(await house.signIn("ada@example.com"));
      assert.equal(await house.isAccepted(tokens), false);
      const live = await house.subject.read(await house.asking(), (scope) =>
        scope.sessions.ofUser(userId),
      );
      assert.equal(live.length, 50);
    });

    test("refuses other users' sessions, except to support", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const eve = await house.signedUp("eve@example.com");
      const admin = await house.administrator();
      const sessionId = ada.tokens.session.id;
      for (const context of [await eve.asking(), await house.asking()]) {
        const listed = await identity.listSessions({ userId: ada.userId }, context);
        assert.equal(typeOf(listed), "forbidden");
        assert.equal(typeOf(await identity.endSession({ sessionId }, context)), "forbidden");
        const all = await identity.endSessions({ userId: ada.userId }, context);
        assert.equal(typeOf(all), "forbidden");
      }
      const roles = [expect(Role.parse("support"))];
      expect(await identity.assignRoles({ userId: eve.userId, roles }, await admin.asking()));
      expect(await identity.listSessions({ userId: ada.userId }, await eve.asking()));
      expect(await identity.endSession({ sessionId }, await eve.asking()));
      assert.equal(await house.isAccepted(ada.tokens), false);
    });
  });
}
