import type { Forbidden, Permission } from "#kernel/permission.ts";
import type { Result } from "#kernel/result.ts";
import type { NewId } from "#kernel/id.ts";
import type { Instant } from "#kernel/instant.ts";
import type { OwnerId } from "../../domain/ids.ts";
import type { RowOutcome } from "../../domain/import.ts";
import type { Columns } from "./cells.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Cells } from "../ports/imports.ts";

/** The decision about a row. */
export type Decision =
  | { readonly outcome: Exclude<RowOutcome, "refused"> }
  | { readonly outcome: "refused"; readonly reason: { readonly type: string } };

export const refused = (reason: { readonly type: string }): Decision => ({
  outcome: "refused",
  reason,
});

/** In whose name rows are applied, and when. */
export type Applying = {
  /** Whether who brought the file may do this, as in a request for the row alone. */
  readonly may: (
    permission: Permission,
    on?: { readonly owner: OwnerId | undefined },
  ) => Promise<Result<void, Forbidden>>;
  readonly at: Instant;
  readonly newId: NewId;
  readonly ownerId: OwnerId | undefined;
};

/** How rows of one kind are applied. Reads and saves on the scope; a dry run saves nothing. */
export type Importer = {
  readonly columns: Columns;
  /** Columns that every file has. */
  readonly required: readonly string[];
  /** The key of the thing that a row changes. Rows of one key are decided together, in order. */
  readonly keyOf: (cells: Cells) => string;
  /** The names of the locks for this key, shared with other commands that change the same thing. */
  readonly locks: (key: string) => readonly string[];
  readonly decide: (
    scope: CatalogScope,
    rows: readonly Cells[],
    applying: Applying,
  ) => Promise<readonly Decision[]>;
};
