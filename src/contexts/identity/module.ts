import { below } from "#platform/address.ts";
import path from "node:path";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { expect } from "#kernel/result.ts";
import { createIdentity, type Identity, type IdentityProvides } from "./index.ts";
import { Coherence, type Changes } from "#platform/cache/coherence.ts";
import { postgresChanges } from "#platform/cache/postgres-changes.ts";
import { isProduction } from "#platform/config/settings.ts";
import { fileEmail, smtpEmail } from "#platform/email/nodemailer-email.ts";
import type { Database } from "#platform/postgres/database.ts";
import type { Finding, Grants, Module, ModuleSettings, Wiring } from "#platform/process/module.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import type { OnPostgres, Profile } from "#platform/process/persistence.ts";
import { examineMasterKeys } from "#platform/secrets/examine-master-keys.ts";
import { authenticate } from "./application/sessions/authenticate.ts";
import type { HowToUse, IdentityScope, Passwords, SendEmail } from "./application/ports.ts";
import { writeEmails } from "./application/credentials/write-emails.ts";
import { Email } from "./domain/email.ts";
import { addresses, slowHashes } from "./infrastructure/for-other-contexts.ts";
import { identityEvents, voids } from "./domain/events.ts";
import { Password } from "./domain/password.ts";
import { apiKeyUses, type KeepUses } from "./infrastructure/api-key-uses.ts";
import { argon2Passwords } from "./infrastructure/argon2-passwords.ts";
import { casbinMayAct } from "./infrastructure/casbin-may-act.ts";
import { commonPasswords } from "./infrastructure/common-passwords.ts";
import { joseAccessTokens } from "./infrastructure/jose-access-tokens.ts";
import { addIdentityCommands } from "./commands.ts";
import { forgetSessions } from "./infrastructure/postgres-sessions.ts";
import { postgresKeyUses } from "./infrastructure/postgres-api-keys.ts";
import { forgetEmailRequests } from "./infrastructure/postgres-personal-data.ts";
import { postgresIdentity } from "./infrastructure/postgres-identity.ts";
import { rememberedAuthentication } from "./infrastructure/remembered-authentication.ts";
import { otpauthCodes, randomRecoveryCodes } from "./infrastructure/second-factors.ts";
import { neededMasterKeys } from "./infrastructure/sealed-secrets.ts";
import { sealing, signedTokens } from "./infrastructure/signed-tokens.ts";
import {
  addSigningKey,
  postgresKeyStore,
  signingKeys,
  type KeyStore,
} from "./infrastructure/signing-keys.ts";
import { webauthnCeremonies } from "./infrastructure/webauthn-ceremonies.ts";
import { identityConsumers } from "./presentation/consumers.ts";
import { devices } from "./presentation/devices.ts";
import { devicePage } from "./presentation/pages/device-page.ts";
import { identityRoutes } from "./presentation/routes.ts";
import { Permissions } from "./application/permission.ts";
import { grants } from "./grants.ts";
import { grantDefaults } from "./infrastructure/postgres-policies.ts";
import { emailTextsOf, settings as known } from "./settings.ts";

type Settings = ModuleSettings<typeof known>;

const schema = "identity";
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const eraseEveryMs = hourMs;
const jobWithinMs = 60_000;
const graceMs = 10_000;

/** The adapters of identity that differ between Postgres and memory. */
export type IdentityAdapters<On extends Profile> = {
  readonly scope: (transaction: On["transaction"]) => IdentityScope;
  readonly changes: Changes;
  readonly keyStore: KeyStore;
  readonly keepUses: KeepUses;
  /** Gives roles the permissions of all modules, where no administrator has changed them. */
  readonly grantDefaults: (grants: Grants) => Promise<unknown>;
  readonly passwords: Passwords;
  readonly mailer: (settings: Settings, undo: AsyncDisposableStack) => SendEmail;
};
type AdaptersOn<On extends Profile> = (
  database: On["database"],
  newId: NewId,
) => IdentityAdapters<On>;

async function compose<On extends Profile>(
  adaptersOn: AdaptersOn<On>,
  parts: Parts<Settings, On>,
  undo: AsyncDisposableStack,
) {
  const { settings, metrics, persistence, secrets, others, clock, newId, timers } = parts;
  const { scope, changes, keyStore: store, ...adapters } = adaptersOn(persistence.database, newId);
  const coherence = undo.use(new Coherence({ changes, alone: others === undefined, timers }));
  const announce = announcer(parts, schema);
  const onAppended = (types: ReadonlySet<string>) => {
    if (voids(types)) coherence.expire();
    announce();
  };
  const units = persistence.units({ schema, scope, onAppended });

  await adapters.grantDefaults(parts.grants);
  const algorithm = settings.tokenAlgorithm;
  await addSigningKey({ store, secrets, clock, algorithm }, "unless there is one");
  const keys = signingKeys({ store, secrets, coherence, clock });
  await keys.current(); // with another master key nobody could sign in: say so now
  const { publicUrl: issuer, tokenAudience: audience } = settings;
  const sessionLimits = {
    idleMs: settings.sessionIdleHours * hourMs,
    absoluteMs: settings.sessionMaxHours * hourMs,
    graceMs,
  };
  const deps = {
    ...units,
    clock,
    newId,
    metrics,
    sessionLimits,
    eraseAfterMs: settings.eraseAfterDays * dayMs,
    audit: persistence.audit,
    mayAct: casbinMayAct({ ...units, coherence, clock }),
    registration: settings.registration,
    permissions: parts.permissions,
    passwords: adapters.passwords,
    isCommonPassword: commonPasswords(),
    tokens: signedTokens(secrets),
    accessTokens: joseAccessTokens({ keys, clock, issuer, audience }),
    sealing: sealing(secrets),
    totpCodes: otpauthCodes(settings.productName),
    recoveryCodes: randomRecoveryCodes,
    passkeyCeremonies: webauthnCeremonies({
      name: settings.productName,
      origins: originsOf(settings),
    }),
  };
  const identity = createIdentity(deps);
  const { note: noteUse } = undo.use(apiKeyUses(adapters.keepUses, parts));
  const remember = { authenticate: authenticate(deps), coherence, clock, noteUse };

  if (settings.consumers) {
    const emails = writeEmails({ ...deps, ...settings, ...emailsOf(settings) });
    if (isWithoutEmail(settings)) parts.log.warn(`email ${toFilesOnly}`);
    const sendEmail = adapters.mailer(settings, undo);
    const consumers = identityConsumers(emails, sendEmail, settings.smtpMaxConnections);
    consume(parts, { schema, scope, onAppended, consumers });
    parts.jobs.add(erasure(identity));
  }
  return {
    routes: identityRoutes(identity),
    doors: [devicePage(identity, { ...settings, passkeyHost: hostOf(settings) })],
    provides: providedBy(identity, deps),
    access: { authenticate: rememberedAuthentication(remember), jwks: keys.jwks },
    prepare: firstAdministrator(identity, settings, clock),
  };
}

/** Users who were deleted some time ago are erased. */
const erasure = ({ eraseUsers }: Identity) => ({
  name: "identity.erase-users",
  everyMs: eraseEveryMs,
  withinMs: jobWithinMs,
  work: async (context: Context, stopping: AbortSignal) =>
    expect(await eraseUsers({ stopping }, context)),
});

/** What identity gives to other contexts. */
const providedBy = (
  identity: Identity,
  {
    mayAct,
    passwords,
    ...deps
  }: Parameters<typeof addresses>[0] & {
    readonly mayAct: MayAct;
    readonly passwords: Passwords;
  },
): IdentityProvides => ({
  mayAct,
  slowHashes: slowHashes(passwords),
  addresses: addresses(deps),
  devices: devices(identity),
});

const toFilesOnly = "is written to files in the data folder and not delivered: set BASALT_SMTP_URL";

const isWithoutEmail = (settings: Settings): boolean =>
  isProduction(settings) && settings.smtpUrl === undefined;

/** Where pages may be that ask for a passkey. */
const originsOf = ({ publicUrl, appUrl, corsOrigins }: Settings): readonly string[] => [
  ...new Set([appUrl ?? publicUrl, publicUrl, ...corsOrigins].map((url) => new URL(url).origin)),
];

/** The host that passkeys belong to. */
const hostOf = (settings: Settings): string => new URL(originsOf(settings)[0] ?? "").hostname;

function mailer(settings: Settings, undo: AsyncDisposableStack) {
  const { smtpUrl: url, smtpMaxConnections: maxConnections, emailFrom: from } = settings;
  if (url === undefined) return fileEmail(path.join(settings.dataFolder, "email"), from);
  return undo.use(smtpEmail({ url, from, maxConnections }));
}

const emailsOf = (settings: Settings) => ({
  howToUse: howToUse(settings),
  emailTexts: emailTextsOf(settings.emailTexts),
});

const endpoints = { "verify-email": "verified-emails", "set-password": "passwords" } as const;

/** A link into the app; where there is none, the token and where it goes. */
const howToUse =
  ({ appUrl, publicUrl, apiPrefix }: Settings): HowToUse =>
  (what, token) =>
    appUrl === undefined
      ? `${token}\n\n(the "token" for POST ${below(publicUrl, `${apiPrefix}/${endpoints[what]}`)}${what === "verify-email" ? ", once you have signed in" : ""})`
      : below(appUrl, `/${what}#token=${token}`);

/** How long the first start may take to make the first administrator. */
const withinMs = 30_000;

/** Appoints the first administrator where there is none; answers the message for the operator. */
function firstAdministrator(identity: Identity, settings: Settings, clock: Clock) {
  const email = expect(Email.parse(settings.adminEmail));
  const { adminPassword } = settings;
  const password = adminPassword === undefined ? undefined : expect(Password.parse(adminPassword));
  return async (): Promise<string | undefined> => {
    const context: Context = {
      actor: "system",
      correlationId: "start",
      deadlineMs: clock.unixMs() + withinMs,
    };
    const found = expect(await identity.ensureAdministrator({ email, password }, context));
    if (found.kind === "known") return undefined;
    return found.made === undefined
      ? `${email} administers.`
      : `${email} administers; the password works once, together with a new one: ${found.made}`;
  };
}

/** How long sessions are kept after they were over. */
const endedSessionHours = 720;

/** Identity, wired with these adapters. It authenticates requests and answers permissions. */
export const identityWith = <On extends Profile>(
  adapters: AdaptersOn<On>,
): Wiring<On, typeof known, IdentityProvides> => ({
  name: schema,
  events: identityEvents,
  isEventStore: false,
  settings: known,
  needs: [],
  permissions: Permissions,
  grants,
  compose: (parts, _needs, undo) => compose(adapters, parts, undo),
});

const onPostgres: AdaptersOn<OnPostgres> = (database, newId) => ({
  scope: postgresIdentity(newId),
  changes: postgresChanges(database, schema),
  keyStore: postgresKeyStore(database),
  keepUses: postgresKeyUses(database),
  grantDefaults: (grants) => grantDefaults(database, grants),
  passwords: argon2Passwords(),
  mailer,
});

/** Whether the master keys open all that is sealed in the database. */
async function examinedMasterKey(settings: Settings, database: Database): Promise<Finding> {
  return examineMasterKeys("master key", await neededMasterKeys(database), settings);
}

/** Identity as a module. */
export const identity: Module<typeof known, IdentityProvides> = {
  ...identityWith(onPostgres),
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  readModels: [],
  blobFolders: () => [],
  chores: (database, { sessionIdleHours }) => [
    forgetSessions(database, sessionIdleHours + endedSessionHours),
    forgetEmailRequests(database),
  ],
  examine: async (settings, database) => [
    ...(isWithoutEmail(settings) ? [{ ok: false, what: "email", says: toFilesOnly }] : []),
    ...(database ? [await examinedMasterKey(settings, database)] : []),
  ],
  demoData: [],
  addCommands: addIdentityCommands,
};
