import type { Versioned } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Dialect } from "./dialect.ts";
import { ImportFinished, ImportReceived, type CatalogEvent } from "./events.ts";
import type { ImportId, OwnerId } from "./ids.ts";
import type { ImportKind } from "./import-kind.ts";

/** The outcome of a row; in a dry run, the outcome that it would have. */
export const rowOutcomes = ["created", "changed", "unchanged", "refused"] as const;
export type RowOutcome = (typeof rowOutcomes)[number];

/** How many rows have which outcome by now. */
export type Tally = { readonly [O in RowOutcome]: number };

/** A file of rows, each of which is applied whole or not at all. */
type AnyImport = Versioned & {
  readonly id: ImportId;
  readonly kind: ImportKind;
  /** A dry run decides every row and changes nothing. */
  readonly isDryRun: boolean;
  readonly ownerId?: OwnerId;
  /** All that the API key which brought the file may be used for; missing where nothing limits the owner. */
  readonly scopes?: readonly string[];
  readonly receivedAt: Instant;
  readonly rows: number;
  /** How the file was written; missing until it has arrived. */
  readonly dialect?: Dialect;
  readonly tally: Tally;
};

/** Its rows arrive: none is applied before all are there. */
export type ArrivingImport = AnyImport & { readonly status: "arriving" };
export type WaitingImport = AnyImport & { readonly status: "waiting" };
export type FinishedImport = AnyImport & {
  readonly status: "finished";
  readonly finishedAt: Instant;
};
export type Import = ArrivingImport | WaitingImport | FinishedImport;

export const noRows: Tally = { created: 0, changed: 0, unchanged: 0, refused: 0 };

export const Import = {
  /** The file is there. */
  received(
    arriving: ArrivingImport,
    rows: number,
    dialect: Dialect,
  ): Change<WaitingImport, CatalogEvent> {
    const { id: importId, kind, isDryRun } = arriving;
    return {
      state: { ...arriving, status: "waiting", rows, dialect },
      events: [ImportReceived({ importId, kind, isDryRun, rows })],
    };
  },

  /** Every row has its outcome. */
  finish(
    waiting: WaitingImport | FinishedImport,
    at: Instant,
  ): Change<WaitingImport | FinishedImport, CatalogEvent> {
    if (waiting.status === "finished") return unchanged(waiting);
    return {
      state: { ...waiting, status: "finished", finishedAt: at },
      events: [ImportFinished({ importId: waiting.id, ...waiting.tally })],
    };
  },
};
