import { Flag } from "#kernel/scalars.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import { withDigest, type Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { handedOver, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import { ImportId, OwnerId } from "../../domain/ids.ts";
import type { Dialect } from "../../domain/dialect.ts";
import { Import, noRows, type ArrivingImport, type WaitingImport } from "../../domain/import.ts";
import { ImportKind } from "../../domain/import-kind.ts";
import { importers } from "./importers.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { ImportRow } from "../ports/imports.ts";

/** Rows of one import at most. */
export const maxImportRows = 1_000_000;

/** Refusals of a whole file. Nothing of it is applied. */
export type UploadInvalid = {
  readonly type: "upload-invalid";
  readonly reason:
    | "empty"
    | "malformed"
    | "workbook"
    | "not-utf-8"
    | "column-unknown"
    | "column-missing"
    | "column-repeated"
    | "record-too-long"
    | "too-many-rows"
    | "too-many-bytes"
    | "broken-off";
  /** The line in the file, counted from 1. */
  readonly line?: number;
  readonly columns?: readonly string[];
  /** The columns that a file of this kind may have. */
  readonly known?: readonly string[];
};

/** Some rows of a file, and the columns that it has. */
export type UploadedRows = {
  readonly columns: readonly string[];
  readonly rows: readonly ImportRow[];
};

/** A file while it arrives. */
export type Upload = {
  /** First the columns, without rows; ends after the first refusal. */
  readonly parts: AsyncIterable<Result<UploadedRows, UploadInvalid>>;
  /** The digest of all that has arrived, which is the same for the same file. */
  readonly digest: () => string;
  /** How it is written, as far as that is recognised by now. */
  readonly dialect: () => Dialect;
};

export const ReceiveImport = shape({
  kind: ImportKind,
  dryRun: optional(Flag),
  content: handedOver<Upload>("file", {
    description: "CSV; the first row names the columns",
  }),
});
export type ReceiveImport = Infer<typeof ReceiveImport>;

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refusal = UploadInvalid | Forbidden | Conflict;

/** One step of something long has so much time, as a request has. */
export const stepMs = 10_000;

/** Columns that are wrong are listed up to this number. */
const maxTold = 20;

const invalid = (
  reason: UploadInvalid["reason"],
  columns: readonly string[],
  known?: readonly string[],
) =>
  err<UploadInvalid>({
    type: "upload-invalid",
    reason,
    columns: columns.slice(0, maxTold),
    ...(known ? { known } : {}),
  });

function checkColumns(kind: ImportKind, given: readonly string[]): Result<void, UploadInvalid> {
  const { columns, required } = importers[kind];
  const unknown = given.filter((column) => !Object.hasOwn(columns, column));
  if (unknown.length > 0) return invalid("column-unknown", unknown, Object.keys(columns));
  const repeated = given.filter((column, i) => given.indexOf(column) < i);
  if (repeated.length > 0) return invalid("column-repeated", repeated);
  const missing = required.filter((column) => !given.includes(column));
  return missing.length > 0 ? invalid("column-missing", missing) : ok(undefined);
}

export const MayImport = shape({});

/** Whether the actor may send a file, before it arrives. */
export const mayImport =
  ({ mayAct }: Pick<Deps, "mayAct">) =>
  async (_asked: Infer<typeof MayImport>, context: Context): Promise<Result<void, Forbidden>> =>
    mayAct(context, Permissions.createImport);

/** Receives a whole file, whose rows a background job applies. An upload that breaks off leaves nothing. */
export function receiveImport({ unitOfWork, mayAct, clock, newId }: Deps) {
  async function stage(
    { id, kind }: ArrivingImport,
    { parts }: Upload,
    step: () => Context,
  ): Promise<Result<number, UploadInvalid | Conflict>> {
    let staged = 0;
    for await (const part of parts) {
      if (!part.ok) return part;
      const { columns, rows } = part.value;
      const known = checkColumns(kind, columns);
      if (!known.ok) return known;
      staged += rows.length;
      if (staged > maxImportRows) return err({ type: "upload-invalid", reason: "too-many-rows" });
      if (rows.length === 0) continue;
      const kept = await unitOfWork(step(), async ({ imports }) => ok(imports.stage(id, rows)));
      if (!kept.ok) return kept;
    }
    return staged === 0 ? err({ type: "upload-invalid", reason: "empty" }) : ok(staged);
  }

  return async (
    { kind, dryRun: isDryRun = false, content }: ReceiveImport,
    { idempotency, ...context }: Context,
  ): Promise<Result<WaitingImport, Refusal>> => {
    const allowed = await mayAct(context, Permissions.createImport);
    if (!allowed.ok) return allowed;
    const owner = OwnerId.parse(context.actor);
    const arriving: ArrivingImport = {
      id: newId(ImportId),
      kind,
      isDryRun,
      status: "arriving",
      rows: 0,
      tally: noRows,
      ...(owner.ok && { ownerId: owner.value }),
      ...(context.scopes && { scopes: context.scopes }),
      receivedAt: clock.now(),
      version: Version.none,
    };
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const opened = await unitOfWork(step(), async ({ imports }) => ok(imports.open(arriving)));
    if (!opened.ok) return opened;
    const { id } = arriving;
    let isUnwanted = true;
    try {
      const staged = await stage(arriving, content, step);
      if (!staged.ok) return staged;
      const received = await unitOfWork(
        { ...step(), ...ofFile(idempotency, content) },
        async ({ imports }) => {
          isUnwanted = false; // if this breaks off, it may have been received
          return ok(imports.save(Import.received(arriving, staged.value, content.dialect())));
        },
      );
      // A file that was sent before answers its first import; this one is discarded.
      isUnwanted = !received.ok || received.value.id !== id;
      return received;
    } finally {
      if (isUnwanted) await unitOfWork(step(), async ({ imports }) => ok(imports.discard(id)));
    }
  };
}

/** The same key with another file is another request. */
const ofFile = (idempotency: Context["idempotency"], { digest }: Upload) =>
  idempotency ? { idempotency: withDigest(idempotency, digest()) } : {};
