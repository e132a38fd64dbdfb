import { unchanged, type Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency, Money } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Versioned } from "#kernel/version.ts";
import type { AccountType } from "./account-type.ts";
import {
  StatementsImported,
  StatementsReceived,
  StatementsUndone,
  StatementsWithdrawn,
  type AccountsEvent,
} from "./events.ts";
import type { AccountId, ImportId, OwnerId } from "./ids.ts";
import type { Mask } from "./labels.ts";
import type { ExternalId } from "./observation.ts";
import type { ProviderId } from "./provider.ts";

/** What becomes of a row. Each row has one outcome, and their counts add up to the rows of the file. */
export const outcomes = [
  "created",
  "matched",
  "updated",
  "ignored",
  "doubtful",
  "quarantined",
] as const;
export type Outcome = (typeof outcomes)[number];
export type Tally = { readonly [O in Outcome]: number };

/**
 * A balance as the provider says it: of the end of a day, or, with `at`, of that moment. The balance of a moment is of all that was told by
 * then, whatever day that is of.
 */
export type ToldBalance = {
  readonly amount: Money;
  readonly on: CivilDate;
  readonly at?: Instant;
};

/** A statement of a file: of which account it is, and how its rows are written. */
export type StatementHead = {
  /** How its rows are to be read, as in `ofx`. */
  readonly format: string;
  /** The account as the provider calls it; missing where the file does not say. */
  readonly externalId?: ExternalId;
  readonly mask?: Mask;
  readonly type: AccountType;
  readonly currency?: Currency;
};

/** A statement of an import, with the account that mirrors its own. A dry run opens none. */
export type Statement = StatementHead & {
  readonly accountId?: AccountId;
  readonly balance?: ToldBalance;
};

type AnyImport = Versioned & {
  readonly id: ImportId;
  readonly ownerId: OwnerId;
  readonly provider: ProviderId;
  /** The account that all rows are of, if the request names one. */
  readonly accountId?: AccountId;
  readonly isDryRun: boolean;
  readonly receivedAt: Instant;
  readonly rows: number;
  readonly statements: readonly Statement[];
  readonly tally: Tally;
};

/** Rows arrive; none is looked at before all are there. */
export type ArrivingImport = AnyImport & { readonly status: "arriving" };
/** Rows wait to be matched. */
export type WaitingImport = AnyImport & { readonly status: "waiting" };
/** Every row has its outcome. */
export type FinishedImport = AnyImport & {
  readonly status: "finished" | "undone";
  readonly finishedAt: Instant;
};
/** What its rows have made is taken back. */
export type UndoingImport = AnyImport & { readonly status: "undoing" };
export type StatementImport = ArrivingImport | WaitingImport | FinishedImport | UndoingImport;

export const noRows: Tally = {
  created: 0,
  matched: 0,
  updated: 0,
  ignored: 0,
  doubtful: 0,
  quarantined: 0,
};

export type ImportNotFound = { readonly type: "import-not-found"; readonly importId: ImportId };
/** An import is undone when it has finished, and done again when it is undone. */
export type ImportNotReady = {
  readonly type: "import-not-ready";
  readonly status: StatementImport["status"];
  readonly reason?: "dry-run";
};

type Changed<I extends StatementImport> = Change<I, AccountsEvent>;

const notReady = ({ status, isDryRun }: StatementImport) =>
  err<ImportNotReady>({
    type: "import-not-ready",
    status,
    ...(isDryRun ? { reason: "dry-run" } : {}),
  });

export const StatementImport = {
  received(
    arriving: ArrivingImport,
    rows: number,
    statements: readonly Statement[],
  ): Changed<WaitingImport> {
    const { id: importId, provider, isDryRun } = arriving;
    return {
      state: { ...arriving, status: "waiting", rows, statements },
      events: [StatementsReceived({ importId, provider, isDryRun, rows })],
    };
  },

  /** Every row has its outcome. */
  finish(waiting: WaitingImport, at: Instant): Changed<FinishedImport> {
    return {
      state: { ...waiting, status: "finished", finishedAt: at },
      events: [StatementsImported({ importId: waiting.id, ...waiting.tally })],
    };
  },

  undo(done: StatementImport): Result<Changed<UndoingImport>, ImportNotReady> {
    if (done.status === "undoing") return ok(unchanged(done));
    if (done.status !== "finished" || done.isDryRun) return notReady(done);
    const { finishedAt: _, ...rest } = done;
    const withdrawn = StatementsWithdrawn({ importId: done.id });
    return ok({ state: { ...rest, status: "undoing" }, events: [withdrawn] });
  },

  /** All is taken back. */
  undone(undoing: UndoingImport, at: Instant): Changed<FinishedImport> {
    return {
      state: { ...undoing, status: "undone", finishedAt: at, tally: noRows },
      events: [StatementsUndone({ importId: undoing.id })],
    };
  },

  /** Rows without an outcome are looked at again: all of an import that was undone, or those that could not be read. */
  again(done: StatementImport): Result<Changed<WaitingImport>, ImportNotReady> {
    if (done.status === "waiting") return ok(unchanged(done));
    if (done.status !== "finished" && done.status !== "undone") return notReady(done);
    const { finishedAt: _, id: importId, provider, isDryRun, rows, ...rest } = done;
    return ok({
      state: { ...rest, id: importId, provider, isDryRun, rows, status: "waiting" },
      events: [StatementsReceived({ importId, provider, isDryRun, rows })],
    });
  },
};
