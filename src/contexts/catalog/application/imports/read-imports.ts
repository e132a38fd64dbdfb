import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, oneOf, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { ImportId } from "../../domain/ids.ts";
import { rowOutcomes, type Import } from "../../domain/import.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Named, SettledRow } from "../ports/imports.ts";

export const GetImport = shape({ importId: ImportId });
export type GetImport = Infer<typeof GetImport>;

export type Line = Brand<number, "Line">;
export const Line = branded<Line>("line", { schema: { type: "integer", minimum: 1 } });

export const RowPageSize = pageSize({ usual: 100, most: 1_000 });

/** Rows that have an outcome; of one kind, where said. */
export const ListImportRows = shape({
  importId: ImportId,
  outcome: optional(oneOf(...rowOutcomes)),
  limit: optional(RowPageSize),
  cursor: optional(Line),
});
export type ListImportRows = Infer<typeof ListImportRows>;

export type ImportNotFound = { readonly type: "import-not-found" };

type Deps = { readonly read: Read<CatalogScope>; readonly mayAct: MayAct };

/** Gets the progress of an import. Its sender may read it, and callers with `imports:read`. */
export function getImport({ read, mayAct }: Deps) {
  return async (
    { importId }: GetImport,
    context: Context,
  ): Promise<Result<Import, ImportNotFound | Forbidden>> => {
    const found = await read(context, ({ imports }) => imports.byId(importId));
    if (!found) return err({ type: "import-not-found" });
    const allowed = await mayAct(context, Permissions.readImport, { owner: found.ownerId });
    return allowed.ok ? ok(found) : allowed;
  };
}

/** Lists the outcomes of an import's rows in the order of its file. */
export function listImportRows(deps: Deps) {
  const get = getImport(deps);
  return async (
    { importId, outcome, limit = RowPageSize.usual, cursor }: ListImportRows,
    context: Context,
  ): Promise<Result<Page<SettledRow & Named, Line>, ImportNotFound | Forbidden>> => {
    const found = await get({ importId }, context);
    if (!found.ok) return found;
    const page = { id: importId, outcome, after: cursor ?? 0, limit: limit + 1 };
    const rows = await deps.read(context, ({ imports }) => imports.settled(page));
    return ok(pageOf(rows, limit, ({ line }) => line as Line));
  };
}
