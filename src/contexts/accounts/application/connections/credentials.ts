import type { Alone } from "#kernel/alone.ts";
import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { ActiveConnection } from "../../domain/connection.ts";
import type { FailureReason } from "../../domain/provider.ts";
import type { CredentialSealing } from "../ports/connections.ts";
import type {
  Keys,
  Login,
  ProviderFailure,
  Remote,
  RemoteWith,
  Tokens,
} from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { lockOfConnection } from "./owned-connection.ts";

/** An access token is refreshed so long before it expires, since it might expire on its way. */
const spareMs = 60_000;
/** How long the lease lasts if the process that refreshes a token dies. */
const refreshMs = 30_000;

export type CredentialDeps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly clock: Clock;
  readonly sealing: CredentialSealing;
  readonly alone: Alone;
};

/** Another process refreshes the token now. */
export type Busy = { readonly type: "busy" };

const failure = (reason: FailureReason) =>
  err<ProviderFailure>({ type: "provider-failure", reason });

/** What is sealed for a connection. What was sealed for another one opens nothing. */
function opened<Credentials>(
  { sealing }: CredentialDeps,
  { credentials, id }: ActiveConnection,
): Result<Credentials, ProviderFailure> {
  const plain = sealing.open(credentials, id);
  return plain === undefined ? failure("login-lost") : ok(JSON.parse(plain) as Credentials);
}

type Renewing = {
  readonly connection: ActiveConnection;
  readonly login: Login;
  /** The access token that has expired, or that the provider has refused. */
  readonly spent: string;
};

/** Refreshes tokens, and saves the new ones before anybody uses them. */
async function renewed(
  deps: CredentialDeps,
  { connection: { id }, login, spent }: Renewing,
  context: Context,
): Promise<Result<Tokens, ProviderFailure>> {
  const current = await deps.read(context, ({ connections }) => connections.byId(id));
  if (current?.status !== "active") return failure("disconnected");
  const known = opened<Tokens>(deps, current);
  // The previous holder of the lease has refreshed the tokens already.
  if (!known.ok || known.value.access !== spent) return known;
  const fresh = await login.refresh(known.value.refresh, context);
  if (!fresh.ok) return fresh;
  const sealed = deps.sealing.seal(JSON.stringify(fresh.value), id);
  const kept = await deps.unitOfWork(
    context,
    async ({ connections }) => {
      // Another unit of work may have sealed the tokens anew, or a new login may have replaced them.
      const now = await connections.byId(id);
      const tokens = now?.status === "active" ? opened<Tokens>(deps, now) : undefined;
      const isSame = now?.status === "active" && tokens?.ok && tokens.value.access === spent;
      if (isSame) connections.reseal(id, now.credentials, sealed);
      return ok(undefined);
    },
    { lock: [lockOfConnection(id)] },
  );
  return kept.ok ? fresh : failure("unavailable");
}

type Fetch<T> = <Credentials>(
  remote: RemoteWith<Credentials>,
  credentials: Credentials,
) => Promise<Result<T, ProviderFailure>>;
type Connected = { readonly connection: ActiveConnection; readonly remote: Remote };

/** Fetches with the credentials of a connection. Tokens are refreshed before they expire, and once if the provider refuses them. */
export async function withCredentials<T>(
  deps: CredentialDeps,
  { connection, remote }: Connected,
  fetch: Fetch<T>,
  context: Context,
): Promise<Result<T, ProviderFailure | Busy>> {
  if (remote.connectsWith === "keys") {
    const keys = opened<Keys>(deps, connection);
    return keys.ok ? fetch(remote, keys.value) : keys;
  }
  const { login } = remote;
  const renew = async ({
    access: spent,
  }: Tokens): Promise<Result<Tokens, ProviderFailure | Busy>> =>
    (await deps.alone(`accounts.refresh/${connection.id}`, refreshMs, () =>
      renewed(deps, { connection, login, spent }, context),
    )) ?? err({ type: "busy" });

  const known = opened<Tokens>(deps, connection);
  if (!known.ok) return known;
  const isGood = known.value.accessUntil > Instant.plus(deps.clock.now(), spareMs);
  const tokens = isGood ? known : await renew(known.value);
  if (!tokens.ok) return tokens;
  const fetched = await fetch(remote, tokens.value.access);
  if (fetched.ok || fetched.error.reason !== "login-lost") return fetched;
  const others = await renew(tokens.value);
  return others.ok ? fetch(remote, others.value.access) : others;
}
