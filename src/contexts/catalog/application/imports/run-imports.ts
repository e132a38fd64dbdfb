import { saved } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Slice } from "#kernel/each-due.ts";
import type { MayAct } from "#kernel/permission.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { ImportId } from "../../domain/ids.ts";
import { Import, type WaitingImport } from "../../domain/import.ts";
import { refused, type Applying } from "./importer.ts";
import { importers } from "./importers.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { ImportRow, SettledRow } from "../ports/imports.ts";
import { stepMs } from "./receive-import.ts";

/** Rows that one unit of work applies, unless it loses a race. */
const chunk = 50;
/** Imports that take turns. */
const atOnce = 20;
/** How long one call goes on. A stop of the process waits for it. */
const sliceMs = 1_000;
/** Attempts at rows that race with other changes. */
const attempts = 5;

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly read: Read<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Group = { readonly key: string; readonly rows: readonly ImportRow[] };

const lockOf = (id: ImportId) => `catalog.import/${id}`;

/** Decides without leaving a trace. */
const dry = ({ products, prices, stocks, ...scope }: CatalogScope): CatalogScope => ({
  ...scope,
  products: { ...products, save: saved },
  prices: { ...prices, save: saved },
  stocks: { ...stocks, save: saved },
});

const contextOf = (
  { clock }: Deps,
  context: Context,
  { id, ownerId, scopes }: WaitingImport,
): Context => ({
  ...context,
  actor: ownerId ?? context.actor,
  ...(scopes && { scopes }),
  correlationId: `${context.correlationId}/${id}`,
  deadlineMs: clock.unixMs() + stepMs,
});

async function decideAll(
  { mayAct, clock, newId }: Deps,
  scope: CatalogScope,
  { kind, isDryRun, ownerId }: WaitingImport,
  groups: readonly Group[],
  context: Context,
): Promise<readonly SettledRow[]> {
  const may: Applying["may"] = (permission, on) => mayAct(context, permission, on);
  const applying = { at: clock.now(), newId, ownerId, may };
  const { decide } = importers[kind];
  const decided = await Promise.all(
    groups.map(async ({ rows }) => {
      const cells = rows.map((row) => row.cells);
      const decisions = await decide(isDryRun ? dry(scope) : scope, cells, applying);
      return rows.flatMap(({ line }, i) => {
        const decision = decisions[i];
        return decision ? [{ line, ...decision }] : [];
      });
    }),
  );
  return decided.flat();
}

/** Applies rows as one unit of work, unless another process has settled one of them. */
const applying =
  (deps: Deps) => (waiting: WaitingImport, groups: readonly Group[], context: Context) => {
    const own = contextOf(deps, context, waiting);
    return deps.unitOfWork(
      own,
      async (scope) => {
        const lines = groups.flatMap(({ rows }) => rows.map(({ line }) => line));
        if (!(await scope.imports.areUnsettled(waiting.id, lines))) return ok(0);
        const rows = await decideAll(deps, scope, waiting, groups, own);
        scope.imports.settle(waiting.id, rows);
        return ok(rows.length);
      },
      {
        lock: [
          lockOf(waiting.id),
          ...groups.flatMap(({ key }) => importers[waiting.kind].locks(key)),
        ],
      },
    );
  };

/** Applies the rows of one key alone, after a lost race. */
function applyingAlone(deps: Deps) {
  const apply = applying(deps);
  return async (waiting: WaitingImport, group: Group, context: Context): Promise<number> => {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const applied = await apply(waiting, [group], context);
      if (applied.ok) return applied.value;
    }
    const rows = group.rows.map(({ line }) => ({ line, ...refused(conflict) }));
    const settle = async ({ imports }: CatalogScope) => ok(imports.settle(waiting.id, rows));
    await deps.unitOfWork(contextOf(deps, context, waiting), settle, {
      lock: [lockOf(waiting.id)],
    });
    return rows.length;
  };
}

const finishing = (deps: Deps) => (waiting: WaitingImport, context: Context) =>
  deps.unitOfWork(
    contextOf(deps, context, waiting),
    async ({ imports }) => {
      const current = await imports.byId(waiting.id);
      if (current && current.status !== "arriving")
        imports.save(Import.finish(current, deps.clock.now()));
      return ok(0);
    },
    { lock: [lockOf(waiting.id)] },
  );

/** The number of applied rows, and the errors of imports that failed. */
export type Ran = { readonly rows: number; readonly failures: readonly unknown[] };

/**
 * Applies rows of imports that have arrived, in turns, for a while. The outcome of a row is kept
 * together with its effects, so that whoever goes on after a crash applies none twice. An import
 * that fails holds up no other, and is tried again by the next call.
 */
export function runImports(deps: Deps) {
  const { read, clock } = deps;
  const [apply, applyAlone, finish] = [applying(deps), applyingAlone(deps), finishing(deps)];

  async function advance(waiting: WaitingImport, context: Context): Promise<number> {
    const rows = await read(contextOf(deps, context, waiting), ({ imports }) =>
      imports.unsettled(waiting.id, chunk),
    );
    if (rows.length === 0) {
      await finish(waiting, context);
      return 0;
    }
    const { keyOf } = importers[waiting.kind];
    const byKey = Map.groupBy(rows, ({ cells }) => keyOf(cells));
    const groups = [...byKey].map(([key, some]) => ({ key, rows: some }));
    const applied = await apply(waiting, groups, context);
    if (applied.ok) return applied.value;
    let settled = 0;
    for (const group of groups) settled += await applyAlone(waiting, group, context);
    return settled;
  }

  return async ({ stopping }: Slice, context: Context): Promise<Result<Ran, never>> => {
    const endMs = clock.unixMs() + sliceMs;
    const isOver = () => stopping?.aborted === true || clock.unixMs() >= endMs;
    const failed = new Map<ImportId, unknown>();
    let rows = 0;
    for (let more = true; more && !isOver();) {
      const step = { ...context, deadlineMs: clock.unixMs() + stepMs };
      const waiting = await read(step, ({ imports }) => imports.waiting(atOnce + failed.size));
      const turns = waiting.filter(({ id }) => !failed.has(id));
      more = turns.length > 0;
      for (const waiting of turns)
        rows += await advance(waiting, context).catch((error: unknown) => {
          failed.set(waiting.id, error);
          return 0;
        });
    }
    return ok({ rows, failures: [...failed.values()] });
  };
}

const conflict: Conflict = { type: "conflict" };
