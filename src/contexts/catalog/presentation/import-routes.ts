import type { Timers } from "#platform/runtime.ts";
import { Count, Flag, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import {
  list,
  oneOf,
  opaque,
  optional,
  named,
  shape,
  type Infer,
  type Issue,
} from "#kernel/shape.ts";
import { following, progress } from "#platform/http/progress.ts";
import { sentenceOf } from "#platform/http/problem.ts";
import { get, post, type Route } from "#platform/http/route.ts";
import { ExportRows } from "../application/imports/export-rows.ts";
import type { Named, SettledRow } from "../application/ports/imports.ts";
import {
  GetImport,
  Line,
  ListImportRows,
  RowPageSize,
} from "../application/imports/read-imports.ts";
import { ReceiveImport } from "../application/imports/receive-import.ts";
import { encodings, separators } from "../domain/dialect.ts";
import { ImportId } from "../domain/ids.ts";
import { rowOutcomes, type Import } from "../domain/import.ts";
import { ImportKind } from "../domain/import-kind.ts";
import type { Catalog } from "../index.ts";
import { csvOf, uploadedCsv } from "./csv.ts";

const csv = "text/csv";
/** What browsers and spreadsheets call a file of this kind. */
const uploaded = [csv, "text/plain", "text/tab-separated-values", "application/vnd.ms-excel"];

const Text = text(200_000);

const ImportView = named(
  "Import",
  shape({
    id: ImportId,
    kind: ImportKind,
    dryRun: Flag,
    status: oneOf("arriving", "waiting", "finished"),
    rows: Count,
    encoding: optional(oneOf(...encodings)),
    separator: optional(oneOf(...separators)),
    created: Count,
    changed: Count,
    unchanged: Count,
    refused: Count,
    receivedAt: Instant,
    finishedAt: optional(Instant),
  }),
);

const toImport = (found: Import): Infer<typeof ImportView> => {
  const { isDryRun: dryRun, tally, dialect, version: _version, ownerId: _owner, ...rest } = found;
  return { ...rest, ...dialect, ...tally, dryRun };
};

/**
 * `reason` is the refusal that a request for this row alone would get, and `detail` says it in words. `slug` and `sku` are
 * those of the file.
 */
const RowView = named(
  "Row",
  shape({
    line: Line,
    outcome: oneOf(...rowOutcomes),
    slug: optional(Text),
    sku: optional(Text),
    detail: optional(Text),
    reason: optional(opaque("reason")),
  }),
);
const RowsView = named(
  "Rows",
  shape({ items: list(RowView, RowPageSize.most), nextCursor: optional(Line) }),
);

const toRow = ({ line, reason, ...row }: SettledRow & Named): Infer<typeof RowView> => ({
  line: line as Line,
  ...row,
  ...(reason ? { detail: sentenceOf(reason.type, detailsOf(reason)), reason: told(reason) } : {}),
});

type Refused = { readonly type: string; readonly issues?: readonly Issue[] };

/** Removes the flag `fits` from the issues of a refusal: only the HTTP edge needs it. */
const told = ({ issues, ...reason }: Refused) => ({
  ...reason,
  ...(issues && { issues: issues.map(({ path, message }) => ({ path, message })) }),
});

const detailsOf = ({ type: _type, ...details }: { readonly type: string }) => details;

const isAtAnEnd = ({ status }: Import) => status === "finished";

export const importRoutes = (catalog: Catalog, timers: Timers): readonly Route[] => [
  post("/imports", {
    access: "signed-in",
    id: "importFile",
    summary: "Import a file",
    description:
      "A CSV file whose first row names the columns, which are those of `GET " +
      "/exports/{kind}`. It may be in UTF-8, UTF-16 or Windows-1252, with commas, semicolons or " +
      "tabs: both are recognised, and told in the response. A form with one file is taken, too. Rows are applied after the whole file has arrived, each as a whole " +
      "or not at all. `dryRun` only reports what would happen to each row on its own. With " +
      "an `Idempotency-Key`, the same file is imported once.",
    input: ReceiveImport,
    upload: {
      field: "content",
      mediaTypes: uploaded,
      read: (body) => uploadedCsv(body, timers),
      mayBegin: (context) => catalog.mayImport({}, context),
    },
    handle: catalog.receiveImport,
    success: 202,
    output: ImportView,
    present: toImport,
    location: ({ id }) => `/imports/${id}`,
    refusals: { "upload-invalid": 422, forbidden: 403, conflict: 409 },
  }),
  get("/imports/:importId", {
    access: "signed-in",
    id: "getImport",
    summary: "Get an import",
    description:
      "The status of an import, and how many of its rows were created, changed, unchanged or " +
      "refused so far.",
    input: GetImport,
    handle: catalog.getImport,
    success: 200,
    output: ImportView,
    present: toImport,
    refusals: { "import-not-found": 404, forbidden: 403 },
  }),
  get("/imports/:importId/progress", {
    access: "signed-in",
    id: "followImport",
    summary: "Follow an import",
    description:
      "Server-sent events, each named after the status of the import. The data is the " +
      "body of `GET /imports/{importId}`.",
    input: GetImport,
    handle: following(catalog.getImport),
    success: 200,
    stream: {
      mediaTypes: ["text/event-stream"],
      textOf: progress({ present: toImport, isAtAnEnd, timers }),
    },
    refusals: { "import-not-found": 404, forbidden: 403 },
  }),
  get("/imports/:importId/rows", {
    access: "signed-in",
    id: "listRowsOfImport",
    summary: "List the rows of an import",
    description: "The outcome of each row, by its line in the file. A refused row says why.",
    input: ListImportRows,
    handle: catalog.listImportRows,
    success: 200,
    output: RowsView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toRow) }),
    refusals: { "import-not-found": 404, forbidden: 403 },
  }),
];

export const exportRoutes = (catalog: Catalog): readonly Route[] => [
  get("/exports/:kind", {
    access: "signed-in",
    id: "exportToFile",
    summary: "Export to a file",
    description: "All records of one kind as CSV, in the format that `POST /imports` accepts.",
    input: ExportRows,
    handle: catalog.exportRows,
    success: 200,
    stream: { mediaTypes: [csv], textOf: csvOf, fileName: ({ kind }) => `${kind}.csv` },
    refusals: { forbidden: 403 },
  }),
];
