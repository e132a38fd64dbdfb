import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { Connection, type ActiveConnection } from "../../domain/connection.ts";
import { ObservationId } from "../../domain/ids.ts";
import type { ExternalId } from "../../domain/observation.ts";
import type { FailureReason } from "../../domain/provider.ts";
import {
  StatementImport,
  type ArrivingImport,
  type Statement,
} from "../../domain/statement-import.ts";
import { Sync, type FetchingSync } from "../../domain/sync.ts";
import { Permissions } from "../permission.ts";
import type { Schedule } from "../ports/connections.ts";
import type { Provider, ProviderFailure, ProviderPage } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { mirrorsOf } from "../statements/mirrors.ts";
import { providerOf } from "../statements/provider-of.ts";
import { stepMs } from "../statements/receive-statements.ts";
import { withCredentials, type Busy, type CredentialDeps } from "./credentials.ts";
import { lockOfConnection } from "./owned-connection.ts";
import type { SyncDeps } from "./request-sync.ts";

/** Failures in a row that end a sync. */
const maxTries = 8;
/** Pause after the first failure. It doubles, up to a limit. */
const [retryMs, mostRetryMs] = [1_000, 60_000];
/** A provider that limits its requests may be waited for so long, from the start of the sync on. */
const patienceMs = 6 * 3_600_000;
const dayMs = 86_400_000;
/** Rows of one sync at most, as of one file. */
const maxRows = 1_000_000;
const maxAccounts = 100;

export type RunDeps = SyncDeps & CredentialDeps & { readonly mayAct: MayAct };

/** `waits`: it cannot go on before something else has happened. */
export type Stepped = "went-on" | "waits";

type Fetched = Result<ProviderPage, ProviderFailure>;
const failed = (reason: FailureReason): Result<never, ProviderFailure> => ({
  ok: false,
  error: { type: "provider-failure", reason },
});

/** What a page adds to what has arrived; its accounts are mirrored from now on. */
async function arrived(
  { newId, clock }: RunDeps,
  scope: AccountsScope,
  {
    importing,
    provider,
    page,
  }: {
    readonly importing: ArrivingImport;
    readonly provider: Provider;
    readonly page: ProviderPage;
  },
): Promise<ArrivingImport> {
  const heads: readonly Statement[] = [...importing.statements, ...page.accounts];
  const opening = { newId, now: clock.now(), provider };
  const statements =
    page.accounts.length === 0
      ? [...heads]
      : [...(await mirrorsOf(scope, { ...importing, statements: heads }, opening))];
  for (const { statement, balance } of page.balances) {
    const told = statements[statement];
    if (told) statements[statement] = { ...told, balance };
  }
  for (const { statement, ...told } of page.holdings ?? []) {
    const accountId = statements[statement]?.accountId;
    if (accountId !== undefined) scope.holdings.tell(accountId, told);
  }
  scope.imports.stage(
    importing.id,
    page.rows.map(({ externalId, ...row }, i) => ({
      ...row,
      ...(externalId === undefined ? {} : { externalId }),
      line: importing.rows + i + 1,
      number: importing.rows + i + 1,
      id: newId(ObservationId),
    })),
  );
  return { ...importing, statements, rows: importing.rows + page.rows.length };
}

/** Whether a page can be of this sync: it names accounts before their rows, not too many, and goes on somewhere else. */
const fits = (page: ProviderPage, importing: ArrivingImport, { fetching }: FetchingSync): boolean =>
  (page.next === undefined || page.next !== fetching.cursor) &&
  importing.rows + page.rows.length <= maxRows &&
  importing.statements.length + page.accounts.length <= maxAccounts &&
  [...page.rows, ...page.balances, ...(page.holdings ?? [])].every(
    ({ statement }) => statement < importing.statements.length + page.accounts.length,
  );

/** Ends the fetching: what has arrived is matched; without anything the sync has failed. */
function finishFetching(
  scope: AccountsScope,
  { sync, importing }: { readonly sync: FetchingSync; readonly importing: ArrivingImport },
  end: { readonly reason?: FailureReason | undefined; readonly at: Instant },
): void {
  const { reason, at } = end;
  if (reason !== undefined && importing.statements.length === 0) {
    scope.imports.discard(importing.id);
    scope.syncs.save(Sync.fail(sync, reason, at));
    return;
  }
  scope.imports.save(StatementImport.received(importing, importing.rows, importing.statements));
  scope.syncs.save(Sync.fetched(sync, reason));
}

/** What may go well a little later. */
const passing: ReadonlySet<FailureReason> = new Set(["unavailable", "unreadable", "rate-limited"]);

type Later = { readonly nextTryAt: Instant; readonly tries: number };

/** What follows from a failure: another try later, or the end. */
function afterFailure(
  { clock, chance }: RunDeps,
  { fetching, startedAt }: FetchingSync,
  { reason, retryAfterMs }: ProviderFailure,
): { readonly endsBy: FailureReason; readonly againAt?: Instant } | Later {
  const tries = fetching.tries + 1;
  const doubled = Math.min(retryMs * 2 ** Math.max(0, tries - 1), mostRetryMs);
  const waitMs = Math.max(retryMs / 2, retryAfterMs ?? doubled * (0.5 + chance() / 2));
  const nextTryAt = Instant.fromUnixMs(clock.unixMs() + waitMs);
  const isTooLate = nextTryAt > Instant.plus(startedAt, patienceMs);
  if (!passing.has(reason)) return { endsBy: reason };
  const isPatient = reason === "rate-limited" || tries < maxTries;
  if (!isTooLate && isPatient) return { nextTryAt, tries };
  const soon = Instant.plus(clock.now(), againMs);
  return { endsBy: reason, againAt: nextTryAt > soon ? nextTryAt : soon };
}

/** What has failed for a reason that passes is tried again so much later, unless its provider asks for more. */
const againMs = 15 * 60_000;

/** Sets when the next sync of a connection begins. */
async function scheduleAgain(
  { connections }: AccountsScope,
  { connectionId }: FetchingSync,
  nextSyncAt: Instant,
): Promise<void> {
  const schedule = await connections.scheduled(connectionId);
  if (schedule) connections.schedule(connectionId, { ...schedule, nextSyncAt });
}

/** Seals credentials under the newest key, so that older ones can go. */
function resealed({ sealing }: RunDeps, scope: AccountsScope, connection: ActiveConnection): void {
  const { id, credentials } = connection;
  const plain = sealing.isOld(credentials) ? sealing.open(credentials, id) : undefined;
  if (plain !== undefined) scope.connections.reseal(id, credentials, sealing.seal(plain, id));
}

/** A login ends by itself; a key is good until somebody revokes it. */
const lost = ({ remote }: Provider, connection: ActiveConnection) =>
  remote?.connectsWith === "login" ? Connection.expire(connection) : Connection.revoke(connection);

/** What a sync that has reached its last page has not told, of accounts that were known before. */
function lackOf(
  { lacks, holdings = [] }: ProviderPage,
  known: readonly ExternalId[],
  named: readonly ExternalId[],
): FailureReason | undefined {
  if (lacks !== undefined) return lacks;
  if (holdings.some(({ extent }) => extent === "partial")) return "holdings-incomplete";
  return known.every((one) => named.includes(one)) ? undefined : "account-missing";
}

type Subject = {
  readonly sync: FetchingSync;
  readonly importing: ArrivingImport;
  readonly connection: Connection | undefined;
};

/** What a fetch leads to: a page is kept together with where the next one begins. */
const keeping =
  (deps: RunDeps, provider: Provider, fetched: Fetched) =>
  async (scope: AccountsScope, { sync, importing, connection }: Subject): Promise<Stepped> => {
    const { clock } = deps;
    const at = clock.now();
    const answer =
      fetched.ok && !fits(fetched.value, importing, sync) ? failed("unreadable") : fetched;
    if (!answer.ok) {
      const next = afterFailure(deps, sync, answer.error);
      if ("endsBy" in next) {
        if (next.endsBy === "login-lost" && connection?.status === "active")
          scope.connections.save(lost(provider, connection));
        finishFetching(scope, { sync, importing }, { reason: next.endsBy, at });
        if (next.againAt !== undefined) await scheduleAgain(scope, sync, next.againAt);
        return "went-on";
      }
      scope.syncs.keep(sync.id, { ...sync.fetching, ...next, waitsFor: answer.error.reason });
      return "waits";
    }
    const page = answer.value;
    const more = await arrived(deps, scope, { importing, provider, page });
    const { waitsFor: _waitsFor, cursor: _cursor, ...known } = sync.fetching;
    const fetching = {
      ...known,
      ...(page.next === undefined ? {} : { cursor: page.next }),
      pages: known.pages + 1,
      rows: more.rows,
      tries: 0,
      nextTryAt: at,
    };
    if (page.next !== undefined) scope.imports.arrive(more);
    scope.syncs.keep(sync.id, fetching);
    if (page.next === undefined) {
      const schedule = await scope.connections.scheduled(sync.connectionId);
      const named = more.statements.flatMap(({ externalId }) => externalId ?? []);
      const reason = lackOf(page, schedule?.syncedAccounts ?? [], named);
      finishFetching(scope, { sync: { ...sync, fetching }, importing: more }, { reason, at });
      if (schedule && page.lacks === undefined)
        scope.connections.schedule(sync.connectionId, {
          ...schedule,
          syncedUntil: sync.until,
          syncedAccounts: named,
        });
      if (connection?.status === "active") resealed(deps, scope, connection);
    }
    return "went-on";
  };

type Owned = { readonly id: string; readonly ownerId: string };

/** Each step is in the name of the owner, and has a deadline of its own. */
export const contextOf = (
  { clock }: Pick<RunDeps, "clock">,
  context: Context,
  { id, ownerId }: Owned,
): Context => ({
  ...context,
  actor: ownerId,
  correlationId: `${context.correlationId}/${id}`,
  deadlineMs: clock.unixMs() + stepMs,
});

type Seen = {
  readonly sync: FetchingSync;
  readonly connection: Connection | undefined;
  readonly schedule: Schedule | undefined;
};

/** Asks the provider for the next page of a sync, outside of any transaction. */
async function ask(
  deps: RunDeps,
  { sync, connection, schedule }: Seen,
  context: Context,
): Promise<Result<ProviderPage, ProviderFailure | Busy>> {
  if (connection?.status === "disconnected" || !connection) return failed("disconnected");
  if (connection.status !== "active") return failed("login-lost");
  const remote = deps.providers.find(({ id }) => id === sync.provider)?.remote;
  if (!remote) return failed("refused");
  if (!(await maySync(deps, sync, context))) return failed("not-allowed");
  const { from, until, fetching } = sync;
  const history = {
    since: Instant.plus(until, -remote.historyDays * dayMs),
    besides: schedule?.syncedAccounts ?? [],
  };
  const page = await withCredentials(
    deps,
    { connection, remote },
    (by, credentials) => by.page({ credentials, from, history, cursor: fetching.cursor }, context),
    context,
  );
  if (!page.ok || page.value.accounts.length === 0) return page;
  const named = page.value.accounts.flatMap(({ externalId }) => externalId ?? []);
  const known = [...connection.accounts, ...(schedule?.syncedAccounts ?? [])];
  return Connection.areOfSame(known, named) ? page : failed("other-account");
}

/** The failure; undefined where another process is refreshing the token. */
const inTime = (error: ProviderFailure | Busy): Fetched | undefined =>
  error.type === "busy" ? undefined : err(error);

/** Whether the owner may sync still. */
export const maySync = async (
  { mayAct }: RunDeps,
  { ownerId }: Pick<Connection, "ownerId">,
  context: Context,
): Promise<boolean> => (await mayAct(context, Permissions.syncConnections, { owner: ownerId })).ok;

/** Keeps what a fetch leads to, unless another process has come first. */
async function keepFetched(
  deps: RunDeps,
  { sync, connection }: Seen,
  fetched: Fetched,
  context: Context,
): Promise<Stepped> {
  const { unitOfWork, clock, providers } = deps;
  const keep = keeping(deps, expect(providerOf(providers, sync.provider)), fetched);
  const kept = await unitOfWork(
    contextOf(deps, context, sync),
    async (scope): Promise<Result<Stepped, never>> => {
      const [current, importing, now] = await Promise.all([
        scope.syncs.byId(sync.id),
        scope.imports.held(sync.importId),
        scope.connections.byId(sync.connectionId),
      ]);
      const isSame =
        current?.status === "fetching" && current.fetching.pages === sync.fetching.pages;
      if (!isSame) return ok("waits");
      if (importing?.status !== "arriving") {
        // What has arrived of it was forgotten: nothing went on for more than a day.
        scope.syncs.save(Sync.fail(current, "unavailable", clock.now()));
        return ok("went-on");
      }
      // Keys that were replaced meanwhile are not judged by the answer to the old ones.
      const isOther = now?.version !== connection?.version && !fetched.ok;
      return ok(
        isOther ? "went-on" : await keep(scope, { sync: current, importing, connection: now }),
      );
    },
    { lock: [lockOfConnection(sync.connectionId)] },
  );
  return kept.ok ? kept.value : "waits";
}

/** Tries a sync again later, or ends it, without a look at what it has fetched. */
async function postpone(deps: RunDeps, { id, connectionId }: FetchingSync, context: Context) {
  await deps.unitOfWork(
    context,
    async (scope) => {
      const current = await scope.syncs.byId(id);
      if (current?.status !== "fetching") return ok(undefined);
      const unreadable = { type: "provider-failure", reason: "unreadable" } as const;
      const next = afterFailure(deps, current, unreadable);
      if ("tries" in next)
        scope.syncs.keep(id, { ...current.fetching, ...next, waitsFor: "unreadable" });
      else scope.syncs.save(Sync.fail(current, "unreadable", deps.clock.now()));
      return ok(undefined);
    },
    { lock: [lockOfConnection(connectionId)] },
  );
}

/** Where a sync is once an answer is kept. Missing where it asks for nothing more. */
function after({ sync, answer }: Answered): FetchingSync | undefined {
  if (!answer.ok || answer.value.next === undefined) return undefined;
  const { cursor: _, ...fetching } = sync.fetching;
  return {
    ...sync,
    fetching: { ...fetching, cursor: answer.value.next, pages: fetching.pages + 1 },
  };
}

type Kept = readonly [PromiseSettledResult<Stepped>, PromiseSettledResult<Answered | undefined>];
type Answered = Seen & { readonly answer: Result<ProviderPage, ProviderFailure | Busy> };

/** Looks at what a sync needs now, and asks for its next page. */
async function asked(deps: RunDeps, sync: FetchingSync, context: Context): Promise<Answered> {
  const own = contextOf(deps, context, sync);
  const [connection, schedule] = await deps.read(own, ({ connections }) =>
    Promise.all([connections.byId(sync.connectionId), connections.scheduled(sync.connectionId)]),
  );
  const seen = { sync, connection, schedule };
  return { ...seen, answer: await ask(deps, seen, own) };
}

/**
 * Fetches page after page, and asks for the next one while a page is being kept. A page that cannot be asked for or kept counts as unreadable, so
 * that no sync is tried for ever.
 */
export async function fetchPages(
  deps: RunDeps,
  sync: FetchingSync,
  { isOver, context }: { readonly isOver: () => boolean; readonly context: Context },
): Promise<Stepped> {
  const keep = ({ answer, ...seen }: Answered): Promise<Stepped> | Stepped => {
    const fetched = answer.ok ? answer : inTime(answer.error);
    return fetched ? keepFetched(deps, seen, fetched, context) : "waits";
  };
  try {
    let one = await asked(deps, sync, context);
    for (;;) {
      const next = isOver() ? undefined : after(one);
      const [kept, ahead]: Kept = await Promise.allSettled([
        keep(one),
        next && asked(deps, next, context),
      ]);
      if (kept.status === "rejected") throw kept.reason;
      if (ahead.status === "rejected") throw ahead.reason;
      if (kept.value === "waits" || !ahead.value) return kept.value;
      one = ahead.value;
    }
  } catch (error) {
    await postpone(deps, sync, contextOf(deps, context, sync));
    throw error;
  }
}
