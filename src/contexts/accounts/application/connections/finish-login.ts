import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import type { Forbidden } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import {
  Connection,
  type ConnectionNotReady,
  type LoginUnknown,
  type OpenLogin,
  type OtherAccount,
} from "../../domain/connection.ts";
import { ConnectionId } from "../../domain/ids.ts";
import type { ExternalId } from "../../domain/observation.ts";
import type { ProviderId } from "../../domain/provider.ts";
import { Permissions } from "../permission.ts";
import type { ProviderFailure, Remote, Tokens } from "../ports/providers.ts";
import { remoteOf, type ProviderUnknown } from "../statements/provider-of.ts";
import type { ConnectDeps } from "./connect-provider.ts";
import { notOpened, type KeysRefused, type ProviderUnavailable } from "./means.ts";
import { lockOfConnection, seen } from "./owned-connection.ts";

/** A query parameter of the address that a provider redirects its customer to. */
type Returned = Brand<string, "Returned">;
const Returned = branded<Returned>("part of an answer of a provider", {
  schema: {
    type: "string",
    minLength: 1,
    maxLength: 2_000,
    pattern: "^[\\x21-\\x7e]+$",
    writeOnly: true,
  },
  says: "1 to 2000 visible characters without spaces",
});

/** `code`, decoded once, where the owner has signed in, or `error` where they have not. */
export const FinishLogin = shape({
  state: Returned,
  code: optional(Returned),
  error: optional(Returned),
});
export type FinishLogin = Infer<typeof FinishLogin>;

/** The owner has not signed in, or the provider has not taken the code. */
export type LoginFailed = { readonly type: "login-failed" };

type NotFinished =
  | LoginUnknown
  | LoginFailed
  | ProviderUnknown
  | ConnectionNotReady
  | OtherAccount
  | KeysRefused
  | ProviderUnavailable
  | Forbidden
  | Conflict;

type Asked = { readonly connection: Connection; readonly remote: Remote };
type Signed = { readonly tokens: Tokens; readonly accounts: readonly ExternalId[] };

/** The connection that a state names. */
const connectionOf = (state: string): ConnectionId | undefined => {
  const id = ConnectionId.parse(state.split(".")[0]);
  return id.ok ? id.value : undefined;
};

/** Uses up the state before the provider is asked, so that a second request with the same state is refused. */
const take = (
  { unitOfWork, clock }: ConnectDeps,
  connectionId: ConnectionId,
  state: string,
  context: Context,
) =>
  unitOfWork(
    context,
    async ({ connections }): Promise<Result<OpenLogin, LoginUnknown>> => {
      const current = await connections.byId(connectionId);
      if (!current?.login) return err({ type: "login-unknown" });
      const session = context.credential ?? context.actor;
      const change = Connection.takeLogin(current, { state, session, at: clock.now() });
      if (!change.ok) return change;
      connections.save(change.value);
      return ok(current.login);
    },
    { lock: [lockOfConnection(connectionId)] },
  );

const giveUp = ({ unitOfWork, clock }: ConnectDeps, connectionId: ConnectionId, context: Context) =>
  unitOfWork(
    context,
    async ({ connections }) => {
      const current = await connections.byId(connectionId);
      if (current) connections.save(Connection.failLogin(current, clock.now()));
      return ok(undefined);
    },
    { lock: [lockOfConnection(connectionId)] },
  );

/** Asks the provider for the tokens that a code stands for, and for the accounts that they open. */
async function signedIn(
  { sealing }: ConnectDeps,
  { connection: { id }, remote }: Asked,
  returned: { readonly code: string | undefined; readonly verifier: OpenLogin["verifier"] },
  context: Context,
): Promise<Result<Signed, ProviderFailure>> {
  const verifier = sealing.open(returned.verifier, id);
  const { code } = returned;
  if (code === undefined || verifier === undefined || remote.connectsWith !== "login")
    return err({ type: "provider-failure", reason: "login-lost" });
  const tokens = await remote.login.exchange({ code, verifier }, context);
  if (!tokens.ok) return tokens;
  const accounts = await remote.accounts(tokens.value.access, context);
  return accounts.ok ? ok({ tokens: tokens.value, accounts: accounts.value }) : accounts;
}

const connect = (
  { unitOfWork, clock, sealing }: ConnectDeps,
  { connection: { id }, remote }: Asked,
  { tokens, accounts }: Signed,
  context: Context,
): Promise<Result<Connection, LoginUnknown | ConnectionNotReady | OtherAccount | Conflict>> => {
  const now = clock.now();
  const lastsMs = remote.connectsWith === "login" ? remote.login.lastsMs : 0;
  return unitOfWork(
    context,
    async ({ connections }) => {
      const current = await connections.byId(id);
      if (!current) return err({ type: "login-unknown" });
      const credentials = sealing.seal(JSON.stringify(tokens), id);
      const loginUntil = Instant.plus(now, lastsMs);
      const synced = (await connections.scheduled(id))?.syncedAccounts;
      const change = Connection.reconnect(current, { credentials, accounts, loginUntil }, synced);
      if (!change.ok) return change;
      const saved = connections.save(change.value);
      connections.schedule(id, { nextSyncAt: now });
      return ok(saved);
    },
    { lock: [lockOfConnection(id)] },
  );
};

/**
 * Finishes a login: uses up its single-use state, exchanges the code for tokens, and activates the connection. The idempotency key belongs to the
 * last unit of work.
 */
export function finishLogin(deps: ConnectDeps) {
  const found = seen(deps, Permissions.keepConnections);
  return async (
    { state, code }: FinishLogin,
    context: Context,
  ): Promise<Result<Connection, NotFinished>> => {
    const unknown = err<LoginUnknown>({ type: "login-unknown" });
    const id = connectionOf(state);
    if (id === undefined) return unknown;
    const connection = await found(id, context);
    if (!connection.ok)
      return connection.error.type === "forbidden" ? err(connection.error) : unknown;
    const provider = remoteOf(deps.providers, connection.value.provider);
    if (!provider.ok) return provider;
    const { idempotency: _, ...step } = context;
    const login = await take(deps, id, state, step);
    // A request that is sent again gets the answer of the first one, if that one has connected.
    if (!login.ok) return deps.unitOfWork(context, async () => login);
    const asked = { connection: connection.value, remote: provider.value.remote };
    let isDone = false;
    try {
      const { verifier } = login.value;
      const signed = await signedIn(deps, asked, { code, verifier }, context);
      if (!signed.ok) return err(refusalOf(provider.value.id, signed.error));
      const done = await connect(deps, asked, signed.value, context);
      isDone = done.ok;
      return done;
    } finally {
      if (!isDone) await giveUp(deps, id, step);
    }
  };
}

/** The refusal that a failed login is answered with. */
function refusalOf(
  provider: ProviderId,
  failure: ProviderFailure,
): LoginFailed | KeysRefused | ProviderUnavailable {
  const why = notOpened(provider, failure);
  return why.type === "keys-refused" ? { type: "login-failed" } : why;
}
