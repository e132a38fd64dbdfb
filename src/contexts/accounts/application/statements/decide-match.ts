import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { isMirror, type AccountInactive } from "../../domain/account.ts";
import { Agreement, type DayReconciled } from "../../domain/agreement.ts";
import { LineId, ObservationId } from "../../domain/ids.ts";
import { Line, type LineNotFound } from "../../domain/line.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import type { ImportedRow } from "../ports/statements.ts";
import { bookLines, isLater, openBalance } from "./book-lines.ts";
import { lockOfImport, lockOfLines } from "./run-imports.ts";

/** The observation is of the line `lineId`, of a new line, or of none. */
export const DecideMatch = shape({
  observationId: ObservationId,
  decision: oneOf("same", "new", "ignore"),
  lineId: optional(LineId),
});
export type DecideMatch = Infer<typeof DecideMatch>;

export type MatchNotFound = {
  readonly type: "match-not-found";
  readonly observationId: ObservationId;
};
/** It has been decided, or it never was in doubt. */
export type MatchDecided = {
  readonly type: "match-decided";
  readonly outcome: ImportedRow["outcome"];
};
/** `same` needs a line, and the others take none. */
export type DecisionInvalid = {
  readonly type: "decision-invalid";
  readonly reason: "needs-a-line" | "takes-no-line";
};

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refusal =
  | DayReconciled
  | AccountInactive
  | MatchNotFound
  | MatchDecided
  | DecisionInvalid
  | LineNotFound
  | Forbidden
  | Conflict;

function fit({ decision, lineId }: DecideMatch): Result<void, DecisionInvalid> {
  if (decision === "same" && lineId === undefined)
    return err({ type: "decision-invalid", reason: "needs-a-line" });
  if (decision !== "same" && lineId !== undefined)
    return err({ type: "decision-invalid", reason: "takes-no-line" });
  return ok(undefined);
}

/** Decides which line a doubtful observation is of. */
export function decideMatch({ unitOfWork, read, mayAct, clock, newId }: Deps) {
  async function settle(
    scope: AccountsScope,
    { decision, lineId }: DecideMatch,
    { id, accountId, importId, observation }: ImportedRow,
  ): Promise<Result<ImportedRow | undefined, Refusal>> {
    const row = await scope.imports.row(id);
    if (row?.outcome !== "doubtful")
      return row ? err({ type: "match-decided", outcome: row.outcome }) : ok(undefined);
    const account = accountId === undefined ? undefined : await scope.accounts.byId(accountId);
    if (!observation || !isMirror(account))
      return err({ type: "match-not-found", observationId: id });
    if (account.status === "deactivated")
      return err({ type: "account-inactive", accountId: account.id });
    const settled = (outcome: "created" | "updated" | "ignored", ofLine?: LineId) => {
      const now = {
        id,
        outcome,
        accountId: account.id,
        observation,
        ...(ofLine === undefined ? {} : { lineId: ofLine }),
      };
      scope.imports.settle(importId, [now]);
      return ok({ ...row, ...now });
    };
    if (decision === "ignore") return settled("ignored");
    const [before] = lineId === undefined ? [] : await scope.lines.byIds([lineId]);
    if (lineId !== undefined && before?.accountId !== account.id)
      return err({ type: "line-not-found", lineId });
    const identity = { id: before?.id ?? newId(LineId), accountId: account.id, observationId: id };
    const after = Line.told(identity, observation, before);
    if (Agreement.forbids(account, { before, after }))
      return err({ type: "day-reconciled", accountId: account.id, until: account.agreedUntil });
    const booking = { mirror: account, changes: [{ before, after }], now: clock.now() };
    bookLines({ newId }, scope, booking);
    const first = await scope.balances.first(account.id);
    if (!isLater(importId, first)) await openBalance({ newId }, scope, { ...booking, first });
    return settled(before ? "updated" : "created", after.id);
  }

  return async (input: DecideMatch, context: Context): Promise<Result<ImportedRow, Refusal>> => {
    const { observationId } = input;
    const unknown = err<MatchNotFound>({ type: "match-not-found", observationId });
    const found = await read(context, async ({ imports }) => {
      const row = await imports.row(observationId);
      return row && { row, importing: await imports.byId(row.importId) };
    });
    if (!found?.importing || found.importing.isDryRun) return unknown;
    const allowed = await mayAct(context, Permissions.decideStatements, {
      owner: found.importing.ownerId,
    });
    if (!allowed.ok) return allowed;
    const isFit = fit(input);
    if (!isFit.ok) return isFit;
    const { row } = found;
    const locks = [
      lockOfImport(row.importId),
      ...(row.accountId === undefined ? [] : [lockOfLines(row.accountId)]),
    ];
    const decided = await unitOfWork(context, (scope) => settle(scope, input, row), {
      lock: locks,
    });
    if (!decided.ok) return decided;
    return decided.value ? ok(decided.value) : unknown;
  };
}
