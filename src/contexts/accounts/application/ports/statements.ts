import type { CivilDate } from "#kernel/civil-date.ts";
import type { Money } from "#kernel/money.ts";
import type { Saves } from "#kernel/repository.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type {
  AccountId,
  EntryId,
  ImportId,
  LineId,
  ObservationId,
  OwnerId,
} from "../../domain/ids.ts";
import type { Line } from "../../domain/line.ts";
import type { Agreement } from "../../domain/agreement.ts";
import type { Candidate, Suspect } from "../../domain/matching.ts";
import type { Observation } from "../../domain/observation.ts";
import type {
  ArrivingImport,
  Outcome,
  StatementImport,
  ToldBalance,
  UndoingImport,
  WaitingImport,
} from "../../domain/statement-import.ts";
import type { FileRow, RowIgnored, RowUnreadable } from "./providers.ts";

/** A row of a file as it came. `number` counts the rows of the import, from 1. */
export type StagedRow = FileRow & {
  readonly id: ObservationId;
  readonly number: number;
  /** Which statement of the file, from 0. */
  readonly statement: number;
};

/** What became of a row. `lineId`: the line that it is of. `reason`: why it has no line, or not yet. */
export type SettledRow = {
  readonly id: ObservationId;
  readonly outcome: Outcome;
  readonly accountId?: AccountId;
  readonly lineId?: LineId;
  readonly observation?: Observation;
  readonly reason?:
    | RowUnreadable
    | RowIgnored
    | { readonly type: "doubtful"; readonly suspects: readonly Suspect[] };
};

/** A row with what became of it. */
export type ImportedRow = StagedRow & SettledRow & { readonly importId: ImportId };

export type Imports = Saves<StatementImport, AccountsEvent> & {
  /** Opens an import for rows to arrive in. */
  readonly open: (arriving: ArrivingImport) => void;
  /** Keeps which accounts and how many rows have arrived, unless the import is gone. */
  readonly arrive: (arriving: ArrivingImport) => void;
  /** Keeps rows, unless the import is gone. */
  readonly stage: (id: ImportId, rows: readonly StagedRow[]) => void;
  /** Forgets an import whose rows have not arrived whole, and no other. */
  readonly discard: (id: ImportId) => void;
  readonly byId: (id: ImportId) => Promise<StatementImport | undefined>;
  /** The like, which no other unit of work changes before this one has ended: an erasure comes before it or after it. */
  readonly held: (id: ImportId) => Promise<StatementImport | undefined>;
  /** Imports of one owner, newest first. */
  readonly page: (page: {
    readonly ownerId: OwnerId;
    readonly before?: ImportId | undefined;
    readonly limit: number;
  }) => Promise<readonly StatementImport[]>;
  /** The oldest of each owner that is not at an end, besides some. */
  readonly unfinished: (
    limit: number,
    besides: readonly ImportId[],
  ) => Promise<readonly (WaitingImport | UndoingImport)[]>;
  /** Whether an import of an owner is being taken back. */
  readonly isUndoing: (ownerId: OwnerId) => Promise<boolean>;
  /** Rows without an outcome, in the order of the file. */
  readonly unsettled: (id: ImportId, limit: number) => Promise<readonly StagedRow[]>;
  /** Keeps and counts the outcomes of rows. Whoever settles a row has locked its import. */
  readonly settle: (id: ImportId, rows: readonly SettledRow[]) => void;
  /** Takes the outcomes of all quarantined rows back. */
  readonly unsettleQuarantined: (id: ImportId) => void;
  /** Takes the outcomes of rows back, which are not counted any more. */
  readonly unsettle: (id: ImportId, rows: readonly ObservationId[]) => void;
  /** Whether a row of the import is of a line that any observation has dated on or before a day. */
  readonly hasTold: (
    id: ImportId,
    on: { readonly accountId: AccountId; readonly until: CivilDate },
  ) => Promise<boolean>;
  readonly row: (id: ObservationId) => Promise<ImportedRow | undefined>;
  /** Rows with an outcome, in the order of their arrival: of one import, or of all of one owner. */
  readonly rows: (page: {
    readonly importId?: ImportId | undefined;
    readonly ownerId?: OwnerId | undefined;
    readonly outcome?: Outcome | undefined;
    readonly after?: ObservationId | undefined;
    readonly limit: number;
  }) => Promise<readonly ImportedRow[]>;
};

/** What booked lines sum to, in minor units, and the day of the first of them. */
export type LineSum = { readonly minor: bigint; readonly first?: CivilDate };

/** A balance that a provider told of an account. */
export type BalanceTold = ToldBalance & {
  readonly accountId: AccountId;
  readonly importId: ImportId;
};

/** The part of a balance that no line explains, from before the first line. */
export type Opening = {
  readonly accountId: AccountId;
  readonly date: CivilDate;
  readonly amount: Money;
  readonly entryId: EntryId;
};

export type Balances = {
  readonly put: (balance: BalanceTold) => void;
  /** Forgets what an import has told. */
  readonly forget: (importId: ImportId) => void;
  /** What was told of an account, newest day first. */
  readonly page: (page: {
    readonly accountId: AccountId;
    readonly before?: CivilDate | undefined;
    readonly limit: number;
  }) => Promise<readonly ToldBalance[]>;
  /** The balance of the earliest day, by other imports. */
  readonly first: (accountId: AccountId, besides?: ImportId) => Promise<BalanceTold | undefined>;
  readonly agree: (agreement: Agreement) => void;
  readonly lift: (accountId: AccountId, on: CivilDate) => void;
  /** What was agreed of an account, newest day first. */
  readonly agreements: (page: {
    readonly accountId: AccountId;
    readonly before?: CivilDate | undefined;
    readonly limit: number;
  }) => Promise<readonly Agreement[]>;
  readonly opening: (accountId: AccountId) => Promise<Opening | undefined>;
  readonly open: (opening: Opening) => void;
  readonly unopen: (accountId: AccountId) => void;
};

export type Lines = {
  readonly byIds: (ids: readonly LineId[]) => Promise<readonly Line[]>;
  /** The lines that observations of one document may be of. Those that a provider has taken back are found by their ids. */
  readonly candidates: (asked: {
    readonly accountId: AccountId;
    readonly importId: ImportId;
    readonly observations: readonly Observation[];
    readonly limit: number;
  }) => Promise<readonly Candidate[]>;
  readonly put: (lines: readonly Line[]) => void;
  /** Lines of an account, newest first: by date, then by id. */
  readonly page: (page: {
    readonly accountId: AccountId;
    readonly status?: Line["status"] | undefined;
    readonly from?: CivilDate | undefined;
    readonly until?: CivilDate | undefined;
    readonly before?: { readonly date: CivilDate; readonly id: LineId } | undefined;
    readonly limit: number;
  }) => Promise<readonly Line[]>;
  readonly sum: (accountId: AccountId, until: CivilDate) => Promise<LineSum>;
  /** What booked lines sum to, of all days, as an import and those before it told them. */
  readonly sumTold: (accountId: AccountId, until: ImportId) => Promise<LineSum>;
  /** All that was told of a line, oldest first; what was undone is not among it. */
  readonly observations: (
    ids: readonly LineId[],
  ) => Promise<readonly (SettledRow & { readonly importId: ImportId })[]>;
};
