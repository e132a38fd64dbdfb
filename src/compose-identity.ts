import path from "node:path";
import type { Context } from "#kernel/context.ts";
import { expect } from "#kernel/result.ts";
import type { Value } from "#kernel/shape.ts";
import { createIdentity, type Identity } from "#contexts/identity";
import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { Coherence } from "#platform/cache/coherence.ts";
import { postgresChanges } from "#platform/cache/postgres-changes.ts";
import { ConfigurationInvalid } from "#platform/config/load.ts";
import { settings as known, type Settings } from "#platform/config/settings.ts";
import { fileEmail, smtpEmail } from "#platform/email/nodemailer-email.ts";
import type { Authenticate } from "#platform/http/gate.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { authenticate } from "./contexts/identity/application/authenticate.ts";
import type { HowToUse } from "./contexts/identity/application/ports.ts";
import { writeEmails } from "./contexts/identity/application/write-emails.ts";
import { Email } from "./contexts/identity/domain/email.ts";
import { voids } from "./contexts/identity/domain/events.ts";
import { Password } from "./contexts/identity/domain/password.ts";
import { argon2Passwords } from "./contexts/identity/infrastructure/argon2-passwords.ts";
import { casbinMayAct } from "./contexts/identity/infrastructure/casbin-may-act.ts";
import { commonPasswords } from "./contexts/identity/infrastructure/common-passwords.ts";
import { joseAccessTokens } from "./contexts/identity/infrastructure/jose-access-tokens.ts";
import { apiKeyUses } from "./contexts/identity/infrastructure/postgres-api-keys.ts";
import { postgresIdentity } from "./contexts/identity/infrastructure/postgres-identity.ts";
import { rememberedAuthentication } from "./contexts/identity/infrastructure/remembered-authentication.ts";
import {
  otpauthCodes,
  randomRecoveryCodes,
} from "./contexts/identity/infrastructure/second-factors.ts";
import { sealing, signedTokens } from "./contexts/identity/infrastructure/signed-tokens.ts";
import {
  addSigningKey,
  postgresKeyStore,
  signingKeys,
} from "./contexts/identity/infrastructure/signing-keys.ts";
import { webauthnCeremonies } from "./contexts/identity/infrastructure/webauthn-ceremonies.ts";
import { identityConsumers } from "./contexts/identity/presentation/consumers.ts";
import { identityRoutes } from "./contexts/identity/presentation/routes.ts";
import { announcer, consume, type Parts } from "./parts.ts";

const schema = "identity";
const product = "Basalt";
const hourMs = 3_600_000;
const graceMs = 10_000;

export async function composeIdentity(parts: Parts, undo: AsyncDisposableStack) {
  const { settings, metrics, database, secrets, others } = parts;
  const scope = postgresIdentity(newId);
  const changes = postgresChanges(database, schema);
  const coherence = undo.use(new Coherence({ changes, alone: others === undefined }));
  const announce = announcer(parts, schema);
  const onAppended = (types: ReadonlySet<string>) => {
    if (voids(types)) coherence.expire();
    announce();
  };
  const units = postgresUnitOfWork({ database, schema, scope, onAppended, clock, newId });

  const store = postgresKeyStore(database);
  await addSigningKey({ store, secrets }, "unless there is one");
  const keys = signingKeys({ store, secrets, coherence });
  await keys.current(); // with another master key nobody could sign in: say so now
  const { publicUrl: issuer, tokenAudience: audience } = settings;
  const sessionLimits = {
    idleMs: settings.sessionIdleHours * hourMs,
    absoluteMs: settings.sessionMaxHours * hourMs,
    graceMs,
  };
  const deps = {
    ...{ ...units, clock, newId, metrics, sessionLimits },
    audit: postgresAudit(database),
    mayAct: casbinMayAct({ ...units, coherence, clock }),
    registration: settings.registration,
    passwords: argon2Passwords(),
    isCommonPassword: commonPasswords(),
    tokens: signedTokens(secrets),
    accessTokens: joseAccessTokens({ keys, clock, issuer, audience }),
    sealing: sealing(secrets),
    totpCodes: otpauthCodes(product),
    recoveryCodes: randomRecoveryCodes,
    passkeyCeremonies: webauthnCeremonies({ name: product, origins: originsOf(settings) }),
  };
  const identity = createIdentity(deps);
  const { note: noteUse } = undo.use(apiKeyUses(database, clock.now));
  const remember = { authenticate: authenticate(deps), coherence, clock, noteUse };

  const consumers = identityConsumers(
    writeEmails({ ...deps, howToUse: howToUse(settings) }),
    mailer(settings, undo),
    settings.smtpMaxConnections,
  );
  if (settings.consumers) await consume({ ...parts, schema, scope, onAppended, consumers }, undo);
  return {
    routes: identityRoutes(identity),
    mayAct: deps.mayAct,
    authenticate: rememberedAuthentication(remember) satisfies Authenticate,
    jwks: keys.jwks,
    ensureAdministrator: administratorOf(identity, settings),
  };
}

/** Where pages may be that ask for a passkey. */
const originsOf = ({ publicUrl, appUrl, corsOrigins }: Settings): readonly string[] => [
  ...new Set([appUrl ?? publicUrl, publicUrl, ...corsOrigins].map((url) => new URL(url).origin)),
];

function mailer(settings: Settings, undo: AsyncDisposableStack) {
  const { smtpUrl: url, smtpMaxConnections: maxConnections, emailFrom: from } = settings;
  if (url === undefined) return fileEmail(path.join(settings.dataFolder, "email"), from);
  return undo.use(smtpEmail({ url, from, maxConnections }));
}

const endpoints = { "verify-email": "verified-emails", "set-password": "passwords" } as const;

/** A link into the app; where there is none, the token and where it goes. */
const howToUse =
  ({ appUrl, publicUrl, apiPrefix }: Settings): HowToUse =>
  (what, token) =>
    appUrl === undefined
      ? `${token}\n\n(the "token" for POST ${publicUrl}${apiPrefix}/${endpoints[what]})`
      : `${appUrl}/${what}#token=${token}`;

/** How long the first start may take to make the first administrator. */
const withinMs = 30_000;

/** Who administers, if that had to be settled just now; with the password that was made. */
function administratorOf(identity: Identity, settings: Settings) {
  const email = setting(Email, known.adminEmail.env, settings.adminEmail);
  const password =
    settings.adminPassword === undefined
      ? undefined
      : setting(Password, known.adminPassword.env, settings.adminPassword);
  return async () => {
    const context: Context = {
      actor: "system",
      correlationId: "start",
      deadlineMs: clock.unixMs() + withinMs,
    };
    const found = expect(await identity.ensureAdministrator({ email, password }, context));
    return found.kind === "known" ? undefined : { email, ...found };
  };
}

function setting<T>(value: Value<T>, env: string, text: string): T {
  const parsed = value.parse(text);
  if (parsed.ok) return parsed.value;
  throw new ConfigurationInvalid(parsed.error.issues.map(({ message }) => `${env} ${message}`));
}
