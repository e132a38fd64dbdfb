import type { Context } from "#kernel/context.ts";
import type { Slice } from "#kernel/each-due.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import type { MayAct } from "#kernel/permission.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Permissions } from "../permission.ts";
import { isMirror } from "../../domain/account.ts";
import { LineId, type AccountId, type ImportId } from "../../domain/ids.ts";
import { Line } from "../../domain/line.ts";
import type { Match, Observed } from "../../domain/matching.ts";
import { Observation } from "../../domain/observation.ts";
import {
  StatementImport,
  type Statement,
  type UndoingImport,
  type WaitingImport,
} from "../../domain/statement-import.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import type { BalanceTold, ImportedRow, SettledRow, StagedRow } from "../ports/statements.ts";
import { bookLines, isLater, openBalance, type LineChange } from "./book-lines.ts";
import { currencyOf } from "./mirrors.ts";
import { providerOf, remoteOf } from "./provider-of.ts";
import { stepMs } from "./receive-statements.ts";
import { crowded, quarantined, sift, type Mirrored } from "./sift-rows.ts";

/** Rows that one unit of work settles. */
const chunk = 500;
/** Lines that some rows may be of, at most: more are no help in telling one from another. */
const maxAlike = 10_000;
/** The lines of a dry run are of no account yet. */
const nowhere = "" as AccountId;
/** Imports that take turns. */
const atOnce = 20;
/** How long one call goes on, unless it is told to stop. What has failed is tried again by the next one. */
const sliceMs = 4_000;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly providers: readonly Provider[];
  readonly mayAct: MayAct;
};

/** Whoever settles rows of an import, or lines of an account, has locked it. */
export const lockOfImport = (id: ImportId): string => `accounts.statements/${id}`;
export const lockOfLines = (id: AccountId): string => `accounts.lines/${id}`;

export const contextOf = (
  { clock }: Pick<Deps, "clock">,
  context: Context,
  { id, ownerId }: StatementImport,
): Context => ({
  ...context,
  actor: ownerId,
  correlationId: `${context.correlationId}/${id}`,
  deadlineMs: clock.unixMs() + stepMs,
});

type Readable = { readonly row: StagedRow; readonly observation: Observation };

/** Rows that can be read, and the outcomes of the others. */
function readRows(
  rows: readonly StagedRow[],
  provider: Provider,
  { statement, mirror }: { readonly statement: Statement; readonly mirror: Mirrored },
): { readonly readable: readonly Readable[]; readonly others: readonly SettledRow[] } {
  const readable: Readable[] = [];
  const others: SettledRow[] = [];
  for (const row of rows) {
    const observed = provider.observe(statement.format, row.raw, currencyOf(statement, mirror));
    if (!observed.ok) {
      const outcome = observed.error.type === "row-ignored" ? "ignored" : "quarantined";
      others.push({ id: row.id, outcome, reason: observed.error });
    } else if (mirror?.status === "deactivated") others.push(quarantined(row, "account-inactive"));
    else readable.push({ row, observation: observed.value });
  }
  return { readable, others };
}

const correctsNothing = { type: "row-ignored", reason: "corrects-nothing" } as const;

function settledAs(
  { id, observation }: Observed,
  match: Match,
  {
    accountId,
    newLineId,
  }: { readonly accountId?: AccountId | undefined; readonly newLineId?: LineId | undefined },
): SettledRow {
  const known = { id, observation, ...(accountId === undefined ? {} : { accountId }) };
  if (match.outcome === "doubtful")
    return {
      ...known,
      outcome: "doubtful",
      reason: { type: "doubtful", suspects: match.suspects },
    };
  if (match.outcome === "ignored") return { ...known, outcome: "ignored", reason: correctsNothing };
  const lineId = match.outcome === "created" ? newLineId : match.line.id;
  return { ...known, outcome: match.outcome, ...(lineId === undefined ? {} : { lineId }) };
}

type Document = {
  readonly importing: WaitingImport;
  readonly provider: Provider;
  readonly statement: Statement;
};

/** Settles rows of one statement: reads them, finds their lines, and books what is new. */
async function settleRows(
  { newId, clock }: Deps,
  scope: AccountsScope,
  { importing, provider, statement }: Document,
  rows: readonly StagedRow[],
): Promise<void> {
  const { accountId } = statement;
  const account = accountId === undefined ? undefined : await scope.accounts.byId(accountId);
  const mirror = isMirror(account) ? account : undefined;
  const { readable, others } = readRows(rows, provider, { statement, mirror });
  const all = readable.map(({ row, observation }) => ({
    id: row.id,
    observation,
    newLineId: newId(LineId),
  }));
  const known =
    accountId === undefined || all.length === 0
      ? []
      : await scope.lines.candidates({
          accountId,
          importId: importing.id,
          observations: all.map(({ observation }) => observation),
          limit: maxAlike + 1,
        });
  const candidates = known.slice(0, maxAlike);
  const rules = { accountId: accountId ?? nowhere, ids: provider.ids };
  const sifted =
    known.length > maxAlike ? crowded(all) : sift(all, candidates, { ...rules, mirror });
  const { matched, lines, refused } = sifted;
  const { isDryRun } = importing;
  const settled = matched.map(({ match, ...one }) =>
    settledAs(one, match, { accountId, newLineId: isDryRun ? undefined : one.newLineId }),
  );
  scope.imports.settle(importing.id, [...settled, ...refused, ...others]);
  if (isDryRun || !mirror) return;
  const before = new Map<LineId, Line>(
    candidates.map(({ isTaken: _taken, isNamed: _named, history: _history, ...line }) => [
      line.id,
      line,
    ]),
  );
  const changes = [...lines.values()].map((after) => ({ before: before.get(after.id), after }));
  bookLines({ newId }, scope, { mirror, changes, now: clock.now() });
}

const earlier = (a: BalanceTold | undefined, b: BalanceTold | undefined) =>
  a && b ? (b.on < a.on ? b : a) : (a ?? b);

/** Makes accounts say what was told of them first, once all lines are there. */
async function openBalances(
  deps: Deps,
  scope: AccountsScope,
  { id, statements }: StatementImport,
  isUndone: boolean,
): Promise<void> {
  const now = deps.clock.now();
  for (const accountId of accountsIn(statements)) {
    const account = await scope.accounts.byId(accountId);
    if (!isMirror(account) || account.status === "deactivated") continue;
    const own = isUndone
      ? []
      : statements
          .flatMap((one) => (one.accountId === accountId && one.balance) || [])
          .map((balance) => ({
            accountId,
            importId: id,
            ...balance,
            ...(balance.at === undefined ? {} : { at: now }),
          }));
    const first = own.reduce(earlier, await scope.balances.first(accountId, id));
    if (!isLater(id, first)) await openBalance(deps, scope, { mirror: account, first, now });
    for (const balance of own) scope.balances.put(balance);
  }
}

const accountsIn = (statements: readonly Statement[]): readonly AccountId[] => [
  ...new Set(statements.flatMap(({ accountId }) => accountId ?? [])),
];

export const locksOf = ({ id, statements }: StatementImport) => [
  lockOfImport(id),
  ...accountsIn(statements).map(lockOfLines),
];

/** What the newest of the observations of a line says; nothing is left of one without any. */
async function withoutImport(
  { lines }: AccountsScope,
  importId: ImportId,
  rows: readonly ImportedRow[],
): Promise<readonly LineChange[]> {
  const ids = [...new Set(rows.flatMap(({ lineId }) => lineId ?? []))];
  const [found, told] = await Promise.all([lines.byIds(ids), lines.observations(ids)]);
  const others = Map.groupBy(
    told.filter((one) => one.importId !== importId),
    ({ lineId }) => lineId,
  );
  return found.flatMap((before) => {
    const observations = others.get(before.id) ?? [];
    if (observations.some(({ id }) => id === before.observationId)) return [];
    const last = observations.at(-1);
    if (!last?.observation) return [{ before, after: Line.removed(before) }];
    const { externalId: _, ...bare } = before;
    const identity = { id: before.id, accountId: before.accountId, observationId: last.id };
    const externalId = observations.findLast(({ observation }) => observation?.externalId)
      ?.observation?.externalId;
    const after = Line.told(identity, last.observation, {
      ...bare,
      ...(externalId === undefined ? {} : { externalId }),
    });
    return [{ before, after }];
  });
}

/** Takes back what some rows have made. Answers how many rows. */
async function undoRows(deps: Deps, scope: AccountsScope, undoing: UndoingImport): Promise<number> {
  const rows = await scope.imports.rows({ importId: undoing.id, limit: chunk });
  const changes = await withoutImport(scope, undoing.id, rows);
  const byAccount = Map.groupBy(changes, ({ after }) => after.accountId);
  for (const [accountId, some] of byAccount) {
    const account = await scope.accounts.byId(accountId);
    if (isMirror(account))
      bookLines(deps, scope, { mirror: account, changes: some, now: deps.clock.now() });
  }
  scope.imports.unsettle(
    undoing.id,
    rows.map(({ id }) => id),
  );
  return rows.length;
}

/** Every row has its outcome. */
async function finish(deps: Deps, scope: AccountsScope, importing: WaitingImport): Promise<void> {
  if (!importing.isDryRun) await openBalances(deps, scope, importing, false);
  scope.imports.save(StatementImport.finish(importing, deps.clock.now()));
}

/** The number of rows. An import that loses every race is told of, and gives way to others. */
function settledBy(done: Result<number, Conflict>): number {
  if (done.ok) return done.value;
  throw new Error("another unit of work came first");
}

/** Whether its owner is still allowed what it does: to import, to sync, or to take an import back. */
async function mayGoOn(
  deps: Deps,
  one: WaitingImport | UndoingImport,
  context: Context,
): Promise<boolean> {
  const isRemote = remoteOf(deps.providers, one.provider).ok;
  const arriving = isRemote ? Permissions.syncConnections : Permissions.importStatements;
  const permission = one.status === "undoing" ? Permissions.decideStatements : arriving;
  const own = contextOf(deps, context, one);
  return (await deps.mayAct(own, permission, { owner: one.ownerId })).ok;
}

/** The number of settled rows, and the errors of imports that failed. */
export type Ran = { readonly rows: number; readonly failures: readonly unknown[] };

/**
 * Matches rows of files that have arrived, and takes back those that are undone, in turns, for a while. The outcome of a row is kept
 * together with its effects, so that whoever goes on after a crash applies none twice. An import that fails holds up no other, and
 * is tried again by the next call. An import waits while its owner may not import.
 */
export function runStatements(deps: Deps) {
  const { read, unitOfWork, clock, providers } = deps;

  async function advance(importing: WaitingImport, context: Context): Promise<number> {
    const own = contextOf(deps, context, importing);
    const provider = expect(providerOf(providers, importing.provider));
    const rows = await read(own, ({ imports }) => imports.unsettled(importing.id, chunk));
    const [first] = rows;
    const done = await unitOfWork(
      own,
      async (scope) => {
        const current = await scope.imports.byId(importing.id);
        if (current?.status !== "waiting" || current.version !== importing.version) return ok(0);
        if (!first) {
          await finish(deps, scope, current);
          return ok(0);
        }
        const some = rows.filter(({ statement }) => statement === first.statement);
        const left = await scope.imports.unsettled(importing.id, 1);
        const statement = current.statements[first.statement];
        if (left[0]?.id !== first.id) return ok(0);
        if (!statement) throw new Error(`${first.id} is of no statement of its import`);
        await settleRows(deps, scope, { importing: current, provider, statement }, some);
        return ok(some.length);
      },
      { lock: locksOf(importing) },
    );
    return settledBy(done);
  }

  async function takeBack(undoing: UndoingImport, context: Context): Promise<number> {
    const own = contextOf(deps, context, undoing);
    const done = await unitOfWork(
      own,
      async (scope) => {
        const current = await scope.imports.byId(undoing.id);
        if (current?.status !== "undoing") return ok(0);
        const rows = await undoRows(deps, scope, current);
        if (rows > 0) return ok(rows);
        await openBalances(deps, scope, current, true);
        scope.balances.forget(undoing.id);
        scope.imports.save(StatementImport.undone(current, clock.now()));
        return ok(0);
      },
      { lock: locksOf(undoing) },
    );
    return settledBy(done);
  }

  const step = (one: WaitingImport | UndoingImport, context: Context): Promise<number> =>
    one.status === "waiting" ? advance(one, context) : takeBack(one, context);

  return async ({ stopping }: Slice, context: Context): Promise<Result<Ran, never>> => {
    const endMs = clock.unixMs() + sliceMs;
    const isOver = () => stopping?.aborted === true || clock.unixMs() >= endMs;
    const failed = new Map<ImportId, unknown>();
    const paused = new Set<ImportId>();
    let rows = 0;
    for (let more = true; more && !isOver();) {
      const asked = { ...context, deadlineMs: clock.unixMs() + stepMs };
      const besides = [...failed.keys(), ...paused];
      const turns = await read(asked, ({ imports }) => imports.unfinished(atOnce, besides));
      more = turns.length > 0;
      for (const one of turns)
        try {
          if (await mayGoOn(deps, one, context)) rows += await step(one, context);
          else paused.add(one.id);
        } catch (error) {
          failed.set(one.id, error);
        }
    }
    return ok({ rows, failures: [...failed.values()] });
  };
}
