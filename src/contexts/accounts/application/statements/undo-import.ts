import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Change } from "#kernel/change.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { AccountInactive } from "../../domain/account.ts";
import type { DayReconciled } from "../../domain/agreement.ts";
import { ImportId } from "../../domain/ids.ts";
import {
  StatementImport,
  type ImportNotFound,
  type ImportNotReady,
} from "../../domain/statement-import.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { locksOf } from "./run-imports.ts";

export const ImportStep = shape({ statementImportId: ImportId });
export type ImportStep = Infer<typeof ImportStep>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
};
type Refusal =
  | ImportNotFound
  | ImportNotReady
  | AccountInactive
  | DayReconciled
  | Forbidden
  | Conflict;
/** The import as it is from now on, and what is done once that is saved. */
type Decided = Change<StatementImport, AccountsEvent> & {
  readonly afterwards?: (scope: AccountsScope) => void;
};
type Decision = Result<Decided, ImportNotReady | AccountInactive | DayReconciled>;
type Decide = (scope: AccountsScope, found: StatementImport) => Promise<Decision>;

const step =
  ({ unitOfWork, read, mayAct }: Deps, decide: Decide) =>
  async (
    { statementImportId: importId }: ImportStep,
    context: Context,
  ): Promise<Result<StatementImport, Refusal>> => {
    const unknown = err<ImportNotFound>({ type: "import-not-found", importId });
    const seen = await read(context, ({ imports }) => imports.byId(importId));
    if (!seen) return unknown;
    const allowed = await mayAct(context, Permissions.decideStatements, { owner: seen.ownerId });
    if (!allowed.ok) return allowed;
    return unitOfWork(
      context,
      async (scope): Promise<Result<StatementImport, Refusal>> => {
        const found = await scope.imports.byId(importId);
        if (!found) return unknown;
        const change = await decide(scope, found);
        if (!change.ok) return change;
        const saved = scope.imports.save(change.value);
        change.value.afterwards?.(scope);
        return ok(saved);
      },
      { lock: locksOf(seen) },
    );
  };

/** Whether an import may be undone. It may not if one of its accounts is deactivated, or if one of its rows is of an agreed day. */
async function mayBeUndone(
  { accounts, imports }: AccountsScope,
  { id, statements }: StatementImport,
): Promise<Result<void, AccountInactive | DayReconciled>> {
  const ids = statements.flatMap(({ accountId }) => accountId ?? []);
  for (const { id: accountId, status, agreedUntil: until } of (
    await accounts.byIds(ids)
  ).values()) {
    if (status === "deactivated") return err({ type: "account-inactive", accountId });
    if (until !== undefined && (await imports.hasTold(id, { accountId, until })))
      return err({ type: "day-reconciled", accountId, until });
  }
  return ok(undefined);
}

/** Takes back all that an import has made. A background job does it; what other imports told stays. */
export const undoImport = (deps: Deps) =>
  step(deps, async (scope, found) => {
    const allowed = await mayBeUndone(scope, found);
    return allowed.ok ? StatementImport.undo(found) : allowed;
  });

/** Matches the rows of an import that was undone anew. */
export const redoImport = (deps: Deps) =>
  step(deps, async (_scope, found) =>
    found.status === "undone" || found.status === "waiting"
      ? StatementImport.again(found)
      : err({ type: "import-not-ready", status: found.status }),
  );

/** Reads quarantined rows again, as after an upgrade that reads them. */
export const replayQuarantine = (deps: Deps) =>
  step(deps, async (_scope, found): Promise<Decision> => {
    if (found.status !== "finished") return err({ type: "import-not-ready", status: found.status });
    const again = StatementImport.again(found);
    return again.ok
      ? ok({ ...again.value, afterwards: (scope) => scope.imports.unsettleQuarantined(found.id) })
      : again;
  });
