import type { Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency, Money } from "#kernel/money.ts";
import type { Entry } from "../../domain/entry.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { AccountId, EntryId, TransferId } from "../../domain/ids.ts";
import type { Memo } from "../../domain/labels.ts";
import type { Movement } from "../../domain/ledger.ts";

/** An entry as the journal keeps it. `transferId`: the transfer that posted it, if one did. */
export type RecordedEntry = Entry & {
  readonly recordedAt: Instant;
  readonly isReversed: boolean;
  readonly transferId?: TransferId;
};

/** The number of a movement among those of its account, from 1. */
export type Sequence = number;

/** A posting of an account, and the balance of the account after it. */
export type StatementLine = {
  readonly sequence: Sequence;
  readonly recordedAt: Instant;
  readonly date: CivilDate;
  readonly entryId: EntryId;
  readonly transferId?: TransferId;
  readonly memo?: Memo;
  readonly amount: Money;
  readonly balance: Money;
};

/** A past balance in minor units. `held` is unknown for a day, since holds have no date. */
export type PastBalance = { readonly posted: bigint; readonly held?: bigint };

export type TrialLine = {
  readonly accountId: AccountId;
  readonly currency: Currency;
  readonly posted: bigint;
};

/** An entry without its postings, or none where money is only held or freed. */
export type Recording = {
  readonly at: Instant;
  readonly date: CivilDate;
  readonly transferId?: TransferId;
  readonly entry?: Pick<Entry, "id" | "memo" | "tags" | "reverses" | "exchange">;
};

export type Journal = {
  /** Posts an entry, which leaves with the unit of work and moves the money of its accounts. */
  readonly post: (change: Change<Entry, AccountsEvent>, at: Instant) => void;
  /** Posts many entries of few accounts at once, in their order. None is an exchange. */
  readonly postAll: (changes: readonly Change<Entry, AccountsEvent>[], at: Instant) => void;
  /** Records movements of a transfer. The caller saves the transfer in the same unit of work. */
  readonly move: (movements: readonly Movement[], record: Recording) => void;
  readonly byId: (id: EntryId) => Promise<RecordedEntry | undefined>;
  /** Entries in the order of their ids, after one of them. */
  readonly page: (after: EntryId | undefined, limit: number) => Promise<readonly RecordedEntry[]>;
  /** The postings of an account that were recorded from an instant until another, in either order. */
  readonly statement: (page: {
    readonly accountId: AccountId;
    readonly from?: Instant | undefined;
    readonly until?: Instant | undefined;
    readonly order: "newest" | "oldest";
    readonly beyond?: Sequence | undefined;
    readonly limit: number;
  }) => Promise<readonly StatementLine[]>;
  /** Movements of an account by transfers after one of its movements, in their order. */
  readonly touching: (
    accountId: AccountId,
    after: Sequence,
    limit: number,
  ) => Promise<readonly { readonly sequence: Sequence; readonly transferId: TransferId }[]>;
  /** As recorded at an instant, that one included. */
  readonly at: (accountId: AccountId, instant: Instant) => Promise<PastBalance>;
  /** By the dates of entries, up to that day. */
  readonly onDate: (accountId: AccountId, date: CivilDate) => Promise<PastBalance>;
  /** The balance of each account at an instant, ordered by account id. */
  readonly trial: (page: {
    readonly at: Instant;
    readonly after?: AccountId | undefined;
    readonly limit: number;
  }) => Promise<readonly TrialLine[]>;
  /** The sum of all balances at an instant, by currency. Each is zero in a ledger that balances. */
  readonly totals: (at: Instant) => Promise<readonly Money[]>;
};
