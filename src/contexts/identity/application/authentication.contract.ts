import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import { softwareAuthenticator } from "../../../../test/support/authenticator.ts";
import {
  emailOf,
  goodPassword,
  hourMs,
  identityOn,
  limits,
  minuteMs,
  nameOf,
  origin,
  passwordOf,
  type House,
  type OpenIdentity,
} from "../../../../test/support/identity.ts";
import { Code, PasskeyName, type Totp } from "../domain/credentials.ts";
import { Permission, Role } from "../domain/role.ts";
import { ApiKeyName } from "../domain/api-key.ts";
import type { UserId } from "../domain/user-id.ts";
import { CreateApiKey } from "./api-keys.ts";
import { SetPasswordToken, VerifyEmailToken, type Token } from "./tokens.ts";

const otherPassword = passwordOf("battery staple correct");
const racers = 64;
const typeOf = (outcome: { readonly ok: boolean; readonly error?: unknown }) =>
  outcome.ok ? "ok" : (outcome.error as { readonly type: string }).type;
const codeOf = (text: string) => expect(Code.parse(text));
const passkeyName = expect(PasskeyName.parse("phone"));
const permissionOf = (text: string) => expect(Permission.parse(text));

type CreationOptions = { readonly challenge: string; readonly user: { readonly id: string } };
type Person = Awaited<ReturnType<House["signedUp"]>>;

/** Enrols and activates an authenticator app; answers how to get its codes. */
async function withTotp({ identity, clock, deps, subject }: House, { userId, asking }: Person) {
  const { secret, uri } = expect(await identity.enrolTotp({ userId }, await asking()));
  assert.match(uri, /^otpauth:\/\/totp\/Basalt/);
  const { TOTP, Secret } = await import("otpauth");
  const now = () =>
    codeOf(new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: clock.unixMs() }));
  const recovery = expect(await identity.activateTotp({ userId, code: now() }, await asking()));
  const stored = async (): Promise<Totp | undefined> =>
    subject.read(
      await asking(),
      async ({ credentials }) => (await credentials.byUser(userId)).totp,
    );
  assert.doesNotMatch(JSON.stringify(await stored()), new RegExp(secret));
  assert.equal(
    deps.totpCodes.stepOf(secret, now(), clock.now()),
    Math.floor(clock.unixMs() / 30_000),
  );
  return { now, recovery };
}

/** Who is let in, on every adapter of identity's repositories. */
export function authenticationContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`sessions on ${name}`, () => {
    test("who knows the password is signed in, on a device that the list shows", async () => {
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

    test("of 64 racing refreshes of one token, all get one successor and nobody is signed out", async () => {
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

    test("a token exchanged longer ago ends the session for whoever holds a token of it", async () => {
      await using house = await given();
      const { tokens } = await house.signedUp("ada@example.com");
      const next = expect(await house.refresh(tokens));
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

    test("with too many sessions, the oldest ends", async () => {
      await using house = await given();
      const { tokens, userId } = await house.signedUp("ada@example.com");
      for (let i = 0; i < 50; i += 1) expect(await house.signIn("ada@example.com"));
      assert.equal(await house.isAccepted(tokens), false);
      const live = await house.subject.read(await house.asking(), (scope) =>
        scope.sessions.ofUser(userId),
      );
      assert.equal(live.length, 50);
    });

    test("nobody sees or ends another's sessions; support may", async () => {
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

    test("who signed in long ago changes nothing that lets one sign in", async () => {
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

    const resetToken = async (house: House, userId: UserId, email = emailOf("ada@example.com")) => {
      const { version } = await house.subject.read(await house.asking(), (scope) =>
        scope.credentials.byUser(userId),
      );
      const expiresAt = house.deps.clock.now().replace(/^\d{4}/, "9999") as never;
      const claims = { userId, email, credentialsVersion: version, expiresAt };
      return house.deps.tokens.issue(SetPasswordToken, claims) as Token;
    };

    test("an emailed token sets a password once, verifies the address, and ends all sessions", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const token = await resetToken(house, ada.userId);
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

    test("a token for one address neither verifies another nor works once it was changed", async () => {
      await using house = await given();
      const eve = await house.signedUp("eve@example.com");
      const token = await resetToken(house, eve.userId, emailOf("eve@example.com"));
      const victim = { userId: eve.userId, email: emailOf("victim@example.com") };
      expect(await house.identity.updateUser(victim, await eve.asking()));
      const set = await house.identity.setPassword(
        { token, password: otherPassword },
        await house.asking(),
      );
      assert.equal(typeOf(set), "token-refused");
      const user = expect(
        await house.identity.getUser({ userId: eve.userId }, await house.system()),
      );
      assert.equal(user.isEmailVerified, false);
    });

    test("the first reset of an unverified address removes what somebody else may have added", async () => {
      await using house = await given();
      const { identity } = house;
      const squatter = await house.signedUp("ada@example.com");
      const { userId } = squatter;
      const key = softwareAuthenticator(origin);
      const begun = await identity.beginPasskey({ userId }, await squatter.asking());
      const options = expect(begun) as CreationOptions;
      const response = key.create(options);
      expect(
        await identity.addPasskey(
          { userId, name: passkeyName, response: { ...response } },
          await squatter.asking(),
        ),
      );
      const scopes = [permissionOf("*:*")];
      const wanted = { userId, name: expect(ApiKeyName.parse("key")), scopes };
      const { token } = expect(
        await identity.createApiKey(
          { ...wanted, expiresInDays: 1 as never },
          await squatter.asking(),
        ),
      );
      const reset = { token: await resetToken(house, userId), password: otherPassword };
      expect(await identity.setPassword(reset, await house.asking()));
      assert.equal((await house.asking(token)).actor, "anonymous");
      const left = expect(await identity.getCredentials({ userId }, await house.system()));
      assert.deepEqual(left.passkeys, []);
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

    test("of racing uses of one token, one sets the password", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const token = await resetToken(house, ada.userId);
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
      const admin = await house.administrator();
      const { userId } = ada;
      const set = async (token: string) =>
        house.identity.setPassword(
          { token: token as Token, password: otherPassword },
          await house.asking(),
        );
      const token = await resetToken(house, userId);
      const late = house.deps.tokens.issue(SetPasswordToken, {
        ...{ userId, credentialsVersion: 1 as never, email: emailOf("ada@example.com") },
        expiresAt: house.clock.now(),
      });
      const email = emailOf("ada@example.com");
      const expiresAt = house.clock.now().replace(/^\d{4}/, "9999") as never;
      const other = house.deps.tokens.issue(VerifyEmailToken, { userId, email, expiresAt });
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

    test("an address is verified once, by the token for that address", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const expiresAt = house.clock.now().replace(/^\d{4}/, "9999") as never;
      const tokenFor = (address: string) =>
        house.deps.tokens.issue(VerifyEmailToken, {
          ...{ userId: ada.userId, email: emailOf(address), expiresAt },
        }) as Token;
      const verify = async (address: string) =>
        house.identity.verifyEmail({ token: tokenFor(address) }, await house.asking());
      assert.equal(typeOf(await verify("eve@example.com")), "token-refused");
      expect(await verify("ada@example.com"));
      assert.equal(typeOf(await verify("ada@example.com")), "token-refused");
      const change = { userId: ada.userId, email: emailOf("new@example.com") };
      const changed = expect(await house.identity.updateUser(change, await ada.asking()));
      assert.equal(changed.isEmailVerified, false);
    });
  });

  describe(`second factors on ${name}`, () => {
    test("with an authenticator app, the password alone is not enough", async () => {
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
      const { version } = await house.subject.read(await house.asking(), (scope) =>
        scope.credentials.byUser(ada.userId),
      );
      const expiresAt = house.clock.now().replace(/^\d{4}/, "9999") as never;
      const email = emailOf("ada@example.com");
      const claims = { userId: ada.userId, email, credentialsVersion: version, expiresAt };
      const token = house.deps.tokens.issue(SetPasswordToken, claims) as Token;
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
          { userId, name: passkeyName, response: response as never },
          await ada.asking(),
        );
      const challenge = async () =>
        expect(
          await house.identity.beginPasskeySignIn({}, await house.asking()),
        ) as CreationOptions;
      const signIn = async (response: object) =>
        house.identity.signInWithPasskey({ response: response as never }, await house.asking());
      return { ada, key, begin, add, challenge, signIn };
    }

    test("who holds the passkey is signed in without a password, also beside a second factor", async () => {
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

    test("what was signed elsewhere, by another, too late, or without verifying the user is refused", async () => {
      await using house = await given();
      const { key, begin, add, challenge, signIn } = await withPasskey(house);
      const options = await begin();
      const stranger = softwareAuthenticator(origin);
      for (const bad of [
        key.create(options, { origin: "https://evil.example" }),
        key.create(options, { flags: 0x41 }),
        key.create(options, { type: "webauthn.get" }),
        key.create({ ...options, challenge: Buffer.from("mine").toString("base64url") }),
        key.create({ ...options, challenge: (await challenge()).challenge }),
        { id: "x" },
        {},
      ])
        assert.equal(typeOf(await add(bad)), "passkey-refused");
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
        {},
      ])
        assert.equal(typeOf(await signIn(bad)), "sign-in-refused");
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

  describe(`API keys on ${name}`, () => {
    const keyWith = (...scopes: readonly string[]) =>
      expect(
        CreateApiKey.parse({
          userId: "user_00000000000000000000000000",
          ...{ name: "robot", scopes, expiresInDays: 30 },
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

  describe(`roles on ${name}`, () => {
    test("a role counts from the next request on, and so does its policy", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const admin = await house.administrator();
      const role = expect(Role.parse("auditor"));
      const audit = async () => typeOf(await identity.listAudit({}, await ada.asking()));
      const assign = async (...roles: readonly Role[]) =>
        identity.assignRoles({ userId: ada.userId, roles }, await admin.asking());
      assert.deepEqual(await assign(role), err({ type: "unknown-role", role }));
      const policy = { role, permissions: [permissionOf("audit:read")] };
      expect(await identity.changePolicy(policy, await admin.asking()));
      assert.equal(await audit(), "forbidden");
      expect(await assign(role));
      assert.equal(await audit(), "ok");
      expect(await identity.changePolicy({ role, permissions: [] }, await admin.asking()));
      assert.equal(await audit(), "forbidden");
      const policies = expect(await identity.listPolicies({}, await admin.asking()));
      assert.ok(policies.some((known) => known.role === role && known.permissions.length === 0));
    });

    test("what administrators may is fixed, and somebody always is one", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const { userId } = admin;
      const context = await admin.asking();
      const fixed = await identity.changePolicy({ role: Role.admin, permissions: [] }, context);
      assert.equal(typeOf(fixed), "role-is-fixed");
      const last = "last-administrator";
      const demoted = await identity.assignRoles({ userId, roles: [Role.member] }, context);
      assert.equal(typeOf(demoted), last);
      const disabled = await identity.setUserStatus({ userId, status: "disabled" }, context);
      assert.equal(typeOf(disabled), last);
      assert.equal(typeOf(await identity.deleteUser({ userId }, context)), last);
    });

    test("of two administrators who remove each other at once, one stays", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const ada = await house.signedUp("ada@example.com");
      const roles = [Role.admin];
      expect(await identity.assignRoles({ userId: ada.userId, roles }, await admin.asking()));
      const contexts = [await ada.asking(), await admin.asking()] as const;
      const outcomes = await Promise.all([
        identity.deleteUser({ userId: admin.userId }, contexts[0]),
        identity.setUserStatus({ userId: ada.userId, status: "disabled" }, contexts[1]),
      ]);
      assert.deepEqual(outcomes.map(typeOf).toSorted(), ["last-administrator", "ok"]);
    });

    test("who is disabled is out at once, and in again when enabled", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const admin = await house.administrator();
      const { userId } = ada;
      const { token } = expect(
        await house.identity.createApiKey(
          {
            ...{ userId, name: expect(ApiKeyName.parse("robot")) },
            ...{ scopes: [], expiresInDays: 1 as never },
          },
          await ada.asking(),
        ),
      );
      const set = async (status: "active" | "disabled") =>
        house.identity.setUserStatus({ userId, status }, await admin.asking());
      expect(await set("disabled"));
      assert.equal(await house.isAccepted(ada.tokens), false);
      assert.equal((await house.asking(token)).actor, "anonymous");
      assert.equal(typeOf(await house.refresh(ada.tokens)), "session-over");
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      expect(await set("active"));
      assert.equal(await house.isAccepted(ada.tokens), false, "its sessions stay ended");
      assert.equal((await house.asking(token)).actor, userId);
      expect(await house.signIn("ada@example.com"));
    });

    test("whoever may not is refused, and the audit knows it", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const admin = await house.administrator();
      const context = await ada.asking();
      const { userId } = admin;
      const outcomes = [
        await identity.listUsers({}, context),
        await identity.getUser({ userId }, context),
        await identity.getCredentials({ userId }, context),
        await identity.updateUser({ userId, name: nameOf("Mine") }, context),
        await identity.deleteUser({ userId }, context),
        await identity.setUserStatus({ userId, status: "disabled" }, context),
        await identity.assignRoles({ userId: ada.userId, roles: [Role.admin] }, context),
        await identity.changePolicy({ role: Role.member, permissions: [] }, context),
        await identity.listPolicies({}, context),
        await identity.listAudit({}, context),
        await identity.enrolTotp({ userId }, context),
        await identity.beginPasskey({ userId }, context),
        await identity.listApiKeys({ userId }, context),
        await identity.registerUser(
          { email: emailOf("new@example.com"), name: nameOf("New") },
          context,
        ),
      ];
      assert.deepEqual(new Set(outcomes.map(typeOf)), new Set(["forbidden"]));
      const query = { outcome: "forbidden", actor: ada.userId, limit: 200 as never };
      const page = expect(await identity.listAudit(query, await admin.asking()));
      assert.equal(page.items.length, outcomes.length);
      const short = { ...query, limit: 5 as never };
      const first = expect(await identity.listAudit(short, await admin.asking()));
      assert.equal(first.items.length, 5);
      const rest = { ...query, cursor: first.nextCursor as never };
      const next = expect(await identity.listAudit(rest, await admin.asking()));
      assert.deepEqual([...first.items, ...next.items], page.items);
    });

    test("where registration is by invitation, nobody registers themselves", async () => {
      await using house = await identityOn(open, { registration: "invited" });
      const admin = await house.administrator();
      const who = {
        email: emailOf("ada@example.com"),
        name: nameOf("Ada"),
        password: goodPassword,
      };
      const refused = await house.identity.registerUser(who, await house.asking());
      assert.equal(typeOf(refused), "forbidden");
      expect(await house.identity.registerUser(who, await admin.asking()));
    });

    test("whoever took the administrator's address first is out when it is appointed", async () => {
      await using house = await given();
      const { identity } = house;
      const squatter = await house.signedUp("ada@example.com");
      await withTotp(house, squatter);
      const email = emailOf("ada@example.com");
      const appointed = expect(await identity.ensureAdministrator({ email }, await house.system()));
      assert.ok(appointed.kind === "appointed" && appointed.made);
      assert.equal(await house.isAccepted(squatter.tokens), false);
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      const { made: password } = appointed;
      const signedIn = expect(
        await identity.signIn(
          { email, password, newPassword: otherPassword },
          await house.asking(),
        ),
      );
      const { accessToken, session } = signedIn;
      assert.equal(session.userId, squatter.userId);
      expect(await identity.listUsers({}, await house.asking(accessToken)));
    });

    test("the address of somebody else is changed by administrators alone", async () => {
      await using house = await given();
      const { identity } = house;
      const support = await house.signedUp("support@example.com");
      const admin = await house.administrator();
      const role = expect(Role.parse("helper"));
      const permissions = [permissionOf("users:update")];
      expect(await identity.changePolicy({ role, permissions }, await admin.asking()));
      const roles = { userId: support.userId, roles: [role] };
      expect(await identity.assignRoles(roles, await admin.asking()));
      const { userId } = admin;
      expect(await identity.updateUser({ userId, name: nameOf("Helped") }, await support.asking()));
      const taking = { userId, email: emailOf("mine@example.com") };
      assert.equal(typeOf(await identity.updateUser(taking, await support.asking())), "forbidden");
    });
  });
}
