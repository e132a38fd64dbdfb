import { err, expect, ok, type Result } from "#kernel/result.ts";
import { ExportRows } from "../application/imports/export-rows.ts";
import type { Cells, ImportRow } from "../application/ports/imports.ts";
import { ListImportRows } from "../application/imports/read-imports.ts";
import {
  ReceiveImport,
  type Upload,
  type UploadedRows,
  type UploadInvalid,
} from "../application/imports/receive-import.ts";
import { catalogOn, type OpenCatalog } from "./fixtures.ts";
import { read } from "./shop.ts";

const hourMs = 3_600_000;

type Part = Result<UploadedRows, UploadInvalid>;

/** A file as it arrives: its columns, rows, two at a time, and at last what is wrong with it. */
async function* arriving(rows: readonly Cells[], wrong?: UploadInvalid): AsyncGenerator<Part> {
  const columns = Object.keys(rows[0] ?? {}).filter((name) => !name.startsWith("column "));
  if (rows.length > 0) yield ok({ columns, rows: [] });
  const lines: readonly ImportRow[] = rows.map((cells, i) => ({ line: i + 2, cells }));
  for (let from = 0; from < lines.length; from += 2)
    yield ok({ columns, rows: lines.slice(from, from + 2) });
  if (wrong) yield err(wrong);
}

export const uploadOf = (rows: readonly Cells[], wrong?: UploadInvalid): Upload => ({
  parts: arriving(rows, wrong),
  digest: () => JSON.stringify(rows),
  dialect: () => ({ encoding: "windows-1252", separator: ";" }),
});

/** A row of a file of products. */
export const mug = {
  slug: "mug",
  name: "Mug",
  description: "Holds tea.",
  skus: "MUG",
  status: "published",
};

/** A catalog with an administrator who imports and exports. */
export async function openImports(open: OpenCatalog) {
  const shop = await catalogOn(open);
  const { catalog, subject, clock } = shop;
  const admin = { ...(await shop.asAdmin()), deadlineMs: clock.unixMs() + hourMs };
  const receive = (kind: string, content: Upload, more: object = {}, context = admin) =>
    catalog.receiveImport(read(ReceiveImport, { kind, content, ...more }), context);
  /** Until nothing waits any more. */
  const run = async () => {
    const system = { actor: "system", correlationId: "task", deadlineMs: admin.deadlineMs };
    while (expect(await catalog.runImports({}, system)).rows > 0);
  };
  const outcomes = async (importId: string) => {
    const { items } = expect(
      await catalog.listImportRows(read(ListImportRows, { importId }), admin),
    );
    return items.map(({ line, outcome, reason }) =>
      reason ? [line, outcome, reason.type] : [line, outcome],
    );
  };
  /** Imports rows and answers what became of each. */
  const bring = async (kind: string, rows: readonly Cells[], more: object = {}) => {
    const { id } = expect(await receive(kind, uploadOf(rows), more));
    await run();
    return outcomes(id);
  };
  const exported = async (kind: string): Promise<readonly Cells[]> => {
    const { rows } = expect(await catalog.exportRows(read(ExportRows, { kind }), admin));
    const all: Cells[] = [];
    for await (const some of rows) all.push(...some);
    return all;
  };
  const events = () => subject.events();
  return { ...shop, admin, receive, run, outcomes, bring, exported, events };
}
