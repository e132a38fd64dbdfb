import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, oneOf, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { AccountNotFound } from "../../domain/account.ts";
import { AccountId, ImportId, LineId, ObservationId, OwnerId } from "../../domain/ids.ts";
import type { Line, LineNotFound } from "../../domain/line.ts";
import {
  outcomes,
  type ImportNotFound,
  type StatementImport,
  type ToldBalance,
} from "../../domain/statement-import.ts";
import { permitted } from "../accounts/owned-account.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import type { ImportedRow } from "../ports/statements.ts";

export const ImportPageSize = pageSize({ usual: 20, most: 100 });
export const RowPageSize = pageSize({ usual: 100, most: 1_000 });
export const LinePageSize = pageSize({ usual: 100, most: 1_000 });
export const BalancePageSize = pageSize({ usual: 100, most: 1_000 });

/** The place of a line among those of its account: its day and its id. */
export type LineCursor = Brand<string, "LineCursor">;
export const LineCursor = branded<LineCursor>("line cursor", {
  schema: { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\d\\.line_[0-9a-z]{26}$", maxLength: 45 },
  says: "the `nextCursor` of a page",
  parse: (input) => (CivilDate.parse(input.split(".")[0]).ok ? input : undefined),
});

export const GetImport = shape({ statementImportId: ImportId });
export type GetImport = Infer<typeof GetImport>;

export const ListImports = shape({ limit: optional(ImportPageSize), cursor: optional(ImportId) });
export type ListImports = Infer<typeof ListImports>;

/** Rows that have an outcome; of one kind, where said. */
export const ListRows = shape({
  statementImportId: ImportId,
  outcome: optional(oneOf(...outcomes)),
  limit: optional(RowPageSize),
  cursor: optional(ObservationId),
});
export type ListRows = Infer<typeof ListRows>;

/** Of all imports of the actor. */
export const ListWaiting = shape({
  limit: optional(RowPageSize),
  cursor: optional(ObservationId),
});
export type ListWaiting = Infer<typeof ListWaiting>;

export const ListLines = shape({
  accountId: AccountId,
  status: optional(oneOf("pending", "booked", "removed")),
  from: optional(CivilDate),
  until: optional(CivilDate),
  limit: optional(LinePageSize),
  cursor: optional(LineCursor),
});
export type ListLines = Infer<typeof ListLines>;

export const GetLine = shape({ lineId: LineId });
export type GetLine = Infer<typeof GetLine>;

export const ListBalances = shape({
  accountId: AccountId,
  limit: optional(BalancePageSize),
  cursor: optional(CivilDate),
});
export type ListBalances = Infer<typeof ListBalances>;

/** A line, and all that was told of it, oldest first. */
export type LineChain = {
  readonly line: Line;
  readonly observations: Awaited<ReturnType<AccountsScope["lines"]["observations"]>>;
};

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct };

/** The status of an import, and what became of its rows so far. */
export function getStatementImport({ read, mayAct }: Deps) {
  return async (
    { statementImportId: importId }: GetImport,
    context: Context,
  ): Promise<Result<StatementImport, ImportNotFound | Forbidden>> => {
    const found = await read(context, ({ imports }) => imports.byId(importId));
    if (!found) return err({ type: "import-not-found", importId });
    const allowed = await mayAct(context, Permissions.readStatements, { owner: found.ownerId });
    return allowed.ok ? ok(found) : allowed;
  };
}

/** The actor, who may read statements of their own. */
async function ownerOf(mayAct: MayAct, context: Context): Promise<Result<OwnerId, Forbidden>> {
  const owner = OwnerId.parse(context.actor);
  const forbidden = err<Forbidden>({ type: "forbidden", permission: Permissions.readStatements });
  if (!owner.ok) return forbidden;
  const allowed = await mayAct(context, Permissions.readStatements, { owner: owner.value });
  return allowed.ok ? ok(owner.value) : allowed;
}

/** The actor's imports, newest first. */
export function listStatementImports({ read, mayAct }: Deps) {
  return async (
    { limit = ImportPageSize.usual, cursor }: ListImports,
    context: Context,
  ): Promise<Result<Page<StatementImport, ImportId>, Forbidden>> => {
    const owner = await ownerOf(mayAct, context);
    if (!owner.ok) return owner;
    const page = { ownerId: owner.value, before: cursor, limit: limit + 1 };
    const found = await read(context, ({ imports }) => imports.page(page));
    return ok(pageOf(found, limit, ({ id }) => id));
  };
}

/** The rows of an import with their outcomes, in the order of the file. */
export function listStatementRows(deps: Deps) {
  const get = getStatementImport(deps);
  return async (
    { statementImportId: importId, outcome, limit = RowPageSize.usual, cursor }: ListRows,
    context: Context,
  ): Promise<Result<Page<ImportedRow, ObservationId>, ImportNotFound | Forbidden>> => {
    const found = await get({ statementImportId: importId }, context);
    if (!found.ok) return found;
    const page = { importId, outcome, after: cursor, limit: limit + 1 };
    const rows = await deps.read(context, ({ imports }) => imports.rows(page));
    return ok(pageOf(rows, limit, ({ id }) => id));
  };
}

/** Rows of all imports of the actor that wait: for a decision, or for a release that reads them. */
export const listWaitingRows =
  ({ read, mayAct }: Deps, outcome: "doubtful" | "quarantined") =>
  async (
    { limit = RowPageSize.usual, cursor }: ListWaiting,
    context: Context,
  ): Promise<Result<Page<ImportedRow, ObservationId>, Forbidden>> => {
    const owner = await ownerOf(mayAct, context);
    if (!owner.ok) return owner;
    const page = { ownerId: owner.value, outcome, after: cursor, limit: limit + 1 };
    const rows = await read(context, ({ imports }) => imports.rows(page));
    return ok(pageOf(rows, limit, ({ id }) => id));
  };

/** The lines of an account elsewhere, newest first. */
export function listLines({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  return async (
    { accountId, limit = LinePageSize.usual, cursor, ...asked }: ListLines,
    context: Context,
  ): Promise<Result<Page<Line, LineCursor>, AccountNotFound | Forbidden>> =>
    read(context, async ({ accounts, lines }) => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const [date, id] = cursor?.split(".") ?? [];
      const before =
        id === undefined ? {} : { before: { date: date as CivilDate, id: id as LineId } };
      const found = await lines.page({ accountId, ...asked, ...before, limit: limit + 1 });
      return ok(pageOf(found, limit, (line) => `${line.date}.${line.id}` as LineCursor));
    });
}

/** A line with all that was told of it. */
export function getLine({ read, mayAct }: Deps) {
  return async (
    { lineId }: GetLine,
    context: Context,
  ): Promise<Result<LineChain, LineNotFound | Forbidden>> =>
    read(context, async ({ accounts, lines }) => {
      const [line] = await lines.byIds([lineId]);
      const account = line && (await accounts.byId(line.accountId));
      if (!account) return err({ type: "line-not-found", lineId });
      const allowed = await mayAct(context, Permissions.readAccount, { owner: account.ownerId });
      return allowed.ok ? ok({ line, observations: await lines.observations([lineId]) }) : allowed;
    });
}

/** A balance that was told, and the one that lines lead to on that day, or led to at that moment. */
export type BalanceOnDay = ToldBalance & { readonly derived: bigint };

/** Balances as the provider told them, newest day first, beside those that the lines lead to. */
export function listBalances({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  return async (
    { accountId, limit = BalancePageSize.usual, cursor }: ListBalances,
    context: Context,
  ): Promise<Result<Page<BalanceOnDay, CivilDate>, AccountNotFound | Forbidden>> =>
    read(context, async ({ accounts, balances, journal }) => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const found = await balances.page({ accountId, before: cursor, limit: limit + 1 });
      const page = pageOf(found, limit, ({ on }) => on);
      const items = await Promise.all(
        page.items.map(async (told) => ({
          ...told,
          derived: (
            await (told.at === undefined
              ? journal.onDate(accountId, told.on)
              : journal.at(accountId, told.at))
          ).posted,
        })),
      );
      return ok({ ...page, items });
    });
}
