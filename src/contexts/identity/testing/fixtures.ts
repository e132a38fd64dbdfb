import { testClock } from "#test/clock.ts";
import type { Authenticate } from "#platform/http/gate.ts";
import { Permission } from "#kernel/permission.ts";
import assert from "node:assert/strict";
import { Secret, TOTP } from "otpauth";
import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { createIdentity, type IdentityDeps, type Identity } from "#contexts/identity";
import type { Audit } from "#kernel/audit.ts";
import { Coherence, type Changes } from "#platform/cache/coherence.ts";
import { MemoryStore } from "#platform/memory/memory-store.ts";
import { createSecrets, masterKeys, newMasterKey } from "#platform/secrets/secrets.ts";
import { systemIds as newId, systemTimers as timers } from "#platform/system.ts";
import type { Grants } from "#platform/process/module.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { authenticate } from "../application/sessions/authenticate.ts";
import { Permissions } from "../application/permission.ts";
import type { IdentityScope } from "../application/ports.ts";
import { VerifyEmailToken, type Token } from "../application/tokens.ts";
import type { SignedIn } from "../application/sessions/start-session.ts";
import { Code, type Totp } from "../domain/credentials.ts";
import { Email } from "../domain/email.ts";
import { voids } from "../domain/events.ts";
import { Password } from "../domain/password.ts";
import { UserName } from "../domain/user-name.ts";
import { argon2Passwords } from "../infrastructure/argon2-passwords.ts";
import { casbinMayAct } from "../infrastructure/casbin-may-act.ts";
import { joseAccessTokens } from "../infrastructure/jose-access-tokens.ts";
import { grants } from "../grants.ts";
import { memoryIdentity, memoryIdentityTables } from "./memory-identity.ts";
import { rememberedAuthentication } from "../infrastructure/remembered-authentication.ts";
import { otpauthCodes, randomRecoveryCodes } from "../infrastructure/second-factors.ts";
import { sealing, signedTokens } from "../infrastructure/signed-tokens.ts";
import { addSigningKey, memoryKeyStore, signingKeys } from "../infrastructure/signing-keys.ts";
import { webauthnCeremonies } from "../infrastructure/webauthn-ceremonies.ts";
import { testContext } from "#test/context.ts";

/** What identity works on: the twins differ here only. */
export type IdentitySubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly audit: Audit;
  readonly changes: Changes;
  /** Types of all events, in order. */
  readonly events: () => Promise<readonly string[]>;
  /** All that is kept, to look for what must not be. */
  readonly everything: () => Promise<unknown>;
};
export type OpenIdentity = (
  clock: Clock,
  onAppended: (types: ReadonlySet<string>) => void,
) => Promise<IdentitySubject>;

/** Identity in memory, where roles may do what is granted. */
export const granting =
  (granted: Grants): OpenIdentity =>
  async (clock, onAppended) => {
    const store = new MemoryStore({ clock, newId, timers });
    const tables = memoryIdentityTables(granted);
    return {
      ...store.units(memoryIdentity(tables, newId), onAppended),
      audit: store.audit,
      changes: tables.changes,
      events: async () => store.events.map(({ type }) => type),
      everything: async () => [
        store.events,
        store.entries,
        ...[tables.users, tables.credentials, tables.sessions, tables.apiKeys].map(({ rows }) => [
          ...rows.values(),
        ]),
      ],
      async [Symbol.asyncDispose]() {},
    };
  };

export const memorySubject = granting(grants);

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const limits = { idleMs: 24 * hourMs, absoluteMs: 72 * hourMs, graceMs: 10_000 };
export const origin = "http://localhost:3000";

/** Hashes in no time: what they cost is tested where they are made. */
export const cheapHashes = { cost: { memoryKib: 8, passes: 1, lanes: 1 }, maxWaiting: 10_000 };

export const emailOf = (text: string) => expect(Email.parse(text));
export const passwordOf = (text: string) => expect(Password.parse(text));
export const nameOf = (text: string) => expect(UserName.parse(text));
export const goodPassword = passwordOf("correct horse battery");

const adapters = {
  permissions: Object.values(Permissions),
  registration: "open" as const,
  passwords: argon2Passwords(cheapHashes),
  isCommonPassword: async (password: string) => password === "password1",
  totpCodes: otpauthCodes("Basalt"),
  recoveryCodes: randomRecoveryCodes,
  passkeyCeremonies: webauthnCeremonies({ name: "Basalt", origins: [origin] }),
};

/** A whole identity, as `main.ts` composes it, with a clock to turn. */
export async function identityOn(open: OpenIdentity, more: Partial<IdentityDeps> = {}) {
  const clock = testClock();
  let expire = () => {};
  const subject = await open(clock, (types) => {
    if (voids(types)) expire();
  });
  const coherence = new Coherence({ changes: subject.changes, alone: true, timers });
  expire = () => coherence.expire();
  const secrets = createSecrets(masterKeys(newMasterKey()));
  const store = memoryKeyStore();
  await addSigningKey({ store, secrets, clock, algorithm: "EdDSA" });
  const keys = signingKeys({ store, secrets, coherence, clock });
  const used: string[] = [];
  const deps = {
    ...adapters,
    ...subject,
    clock,
    newId,
    metrics: createMetrics(),
    sessionLimits: limits,
    eraseAfterMs: 7 * 24 * hourMs,
    mayAct: casbinMayAct({ ...subject, coherence, clock }),
    tokens: signedTokens(secrets),
    accessTokens: joseAccessTokens({ keys, clock, issuer: origin, audience: "basalt" }),
    sealing: sealing(secrets),
    ...more,
  };
  const identity = createIdentity(deps);
  const whoIs = rememberedAuthentication({
    authenticate: authenticate(deps),
    coherence,
    clock,
    noteUse: (keyId) => used.push(keyId),
  });
  return {
    ...actorsIn(identity, whoIs, deps),
    identity,
    deps,
    subject,
    clock,
    keys,
    secrets,
    store,
    coherence,
    used,
    whoIs,
    async [Symbol.asyncDispose]() {
      coherence[Symbol.dispose]();
      await subject[Symbol.asyncDispose]();
    },
  };
}

/** The actors of tests, and what they do. */
function actorsIn(
  identity: Identity,
  whoIs: Authenticate,
  { clock, tokens: issuer }: Pick<IdentityDeps, "clock" | "tokens">,
) {
  /** The context of a request with this credential; without one, of a stranger. */
  async function asking(credential?: string, more: Partial<Context> = {}): Promise<Context> {
    const principal = credential === undefined ? undefined : await whoIs(credential);
    return testContext({
      actor: "anonymous",
      deadlineMs: clock.unixMs() + minuteMs,
      origin: { address: "192.0.2.1", agent: "test" },
      ...principal,
      ...more,
    });
  }
  const system = () => asking(undefined, { actor: "system", signedInAtMs: clock.unixMs() });
  const signIn = async (email: string, password = goodPassword) =>
    identity.signIn({ email: emailOf(email), password }, await asking());

  /** Registers somebody and signs them in; whether the address is theirs is not shown. */
  async function registered(email: string) {
    const who = { email: emailOf(email), name: nameOf("Somebody"), password: goodPassword };
    const user = expect(await identity.registerUser(who, await asking()));
    const tokens = expect(await signIn(email));
    return { userId: user.id, tokens, asking: () => asking(tokens.accessToken) };
  }
  /** Registers somebody, signs them in and verifies their address. */
  async function signedUp(email: string) {
    const person = await registered(email);
    const { userId } = person;
    const expiresAt = Instant.plus(clock.now(), minuteMs);
    const token = issuer.issue(VerifyEmailToken, { userId, email: emailOf(email), expiresAt });
    expect(await identity.verifyEmail({ token: token as Token }, await person.asking()));
    return person;
  }
  async function administrator() {
    const email = emailOf("admin@example.com");
    expect(await identity.ensureAdministrator({ email, password: goodPassword }, await system()));
    const tokens = expect(await signIn(email));
    return { userId: tokens.session.userId, tokens, asking: () => asking(tokens.accessToken) };
  }
  const refresh = async ({ refreshToken }: Pick<SignedIn, "refreshToken">) => {
    const input = { refreshToken: refreshToken as never };
    return identity.refreshSession(input, await asking());
  };
  const isAccepted = async ({ accessToken }: Pick<SignedIn, "accessToken">) =>
    (await whoIs(accessToken)) !== undefined;

  return { asking, system, signIn, registered, signedUp, administrator, refresh, isAccepted };
}

export type House = Awaited<ReturnType<typeof identityOn>>;

export const otherPassword = passwordOf("battery staple correct");
export const typeOf = (outcome: { readonly ok: boolean; readonly error?: unknown }) =>
  outcome.ok ? "ok" : (outcome.error as { readonly type: string }).type;
export const codeOf = (text: string) => expect(Code.parse(text));
export const permissionOf = (text: string) => expect(Permission.parse(text));

export type Person = Awaited<ReturnType<House["signedUp"]>>;

/** Enrols and activates an authenticator app; answers how to get its codes. */
export async function withTotp(
  { identity, clock, deps, subject }: House,
  { userId, asking }: Person,
) {
  const { secret, uri } = expect(await identity.enrolTotp({ userId }, await asking()));
  assert.match(uri, /^otpauth:\/\/totp\/Basalt/);
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
