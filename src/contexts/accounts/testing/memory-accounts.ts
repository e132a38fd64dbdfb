import { saving, idOf } from "#kernel/repository.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { Version } from "#kernel/version.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type {
  Journal,
  Recording,
  RecordedEntry,
  StatementLine,
} from "../application/ports/journal.ts";
import type { AccountsScope } from "../application/ports/scope.ts";
import { Account, isMirror, maxBalance, type Funded } from "../domain/account.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { AccountId, OwnerId, EntryId, TransferId } from "../domain/ids.ts";
import type { Movement } from "../domain/ledger.ts";
import { erased, type Memo } from "../domain/labels.ts";
import { Postings } from "../domain/posting.ts";
import type { Transfer } from "../domain/transfer.ts";
import {
  connectionsIn,
  eraseConnections,
  memoryConnectionTables,
  syncsIn,
} from "./memory-connections.ts";
import { eraseHoldings, holdingsIn, memoryHoldings } from "./memory-holdings.ts";
import { memoryRates, ratesIn } from "./memory-rates.ts";
import {
  balancesIn,
  eraseStatements,
  importsIn,
  linesIn,
  memoryStatementTables,
} from "./memory-statements.ts";

type AccountRow = {
  readonly account: Account;
  readonly posted: bigint;
  readonly held: bigint;
  readonly movements: number;
  readonly movedAt?: Instant;
};
type EntryRow = Omit<RecordedEntry, "postings" | "isReversed">;
type MovementRow = Movement & {
  readonly sequence: number;
  readonly recordedAt: Instant;
  readonly date: CivilDate;
  readonly entryId?: EntryId;
  readonly transferId?: TransferId;
  readonly postedAfter: bigint;
  readonly heldAfter: bigint;
};

const toFunded = ({ account, posted, held }: AccountRow): Funded => ({ ...account, posted, held });

/** The checks `…_guard` of the table in Postgres. */
function isGuarded(row: AccountRow): boolean {
  const left = Account.available(toFunded(row));
  const isEmpty = row.posted === 0n && row.held === 0n;
  return (
    row.held >= 0n &&
    (left === undefined || left >= 0n) &&
    (row.account.status === "active" || isEmpty) &&
    row.posted <= maxBalance &&
    row.posted >= -maxBalance &&
    row.held <= maxBalance
  );
}

/** The tables of accounts in memory. */
export const memoryAccountsTables = () => ({
  accounts: new MemoryTable<AccountRow>(
    ({ account: { pair, currency, ownerId, elsewhere } }) =>
      elsewhere?.externalId === undefined
        ? pair && `${pair} ${currency}`
        : `${ownerId} ${elsewhere.provider} ${elsewhere.externalId} ${currency}`,
    () => {},
    isGuarded,
  ),
  entries: new MemoryTable<EntryRow>(({ reverses }) => reverses),
  movements: new MemoryTable<MovementRow>(),
  transfers: new MemoryTable<Transfer>(),
  statements: memoryStatementTables(),
  connections: memoryConnectionTables(),
  rates: memoryRates(),
  holdings: memoryHoldings(),
});
type Tables = ReturnType<typeof memoryAccountsTables>;

const byText = (a: string, b: string) => (a < b ? -1 : 1);

function accountsIn({ accounts }: Tables, { change, append }: MemoryTransaction) {
  const found = (id: AccountId) => {
    const row = accounts.rows.get(id);
    return row && toFunded(row);
  };
  return {
    byId: async (id) => found(id),
    byIds: async (ids) =>
      new Map(
        ids.flatMap((id) => {
          const account = found(id);
          return account ? [[id, account] as const] : [];
        }),
      ),
    trading: async (pair) =>
      new Map(
        [...accounts.rows.values()]
          .filter(({ account }) => account.pair === pair)
          .map(({ account }) => [account.currency, account]),
      ),
    mirroring: async ({ ownerId, provider, externalId, currency }) =>
      [...accounts.rows.values()]
        .map(toFunded)
        .filter(isMirror)
        .find(
          (one) =>
            one.ownerId === ownerId &&
            one.elsewhere.provider === provider &&
            one.elsewhere.externalId === externalId &&
            one.currency === currency,
        ),
    async worth(ownerId) {
      const own = [...accounts.rows.values()]
        .map(toFunded)
        .filter((one) => one.ownerId === ownerId && one.status === "active");
      return [...Map.groupBy(own, ({ currency }) => currency)]
        .toSorted(([a], [b]) => byText(a, b))
        .map(([currency, some]) => ({
          amount: Money.of(
            some.reduce((sum, { posted }) => sum + posted, 0n),
            currency,
          ),
          accounts: some.length,
        }));
    },
    followed: async (ownerId, limit) =>
      [...accounts.rows.values()]
        .filter(({ account }) => account.ownerId === ownerId)
        .toSorted((a, b) => byText(a.account.id, b.account.id))
        .slice(0, limit)
        .map((row) => ({ ...toFunded(row), movements: row.movements })),
    page: async ({ ownerId, status, after = "", limit }) =>
      [...accounts.rows.values()]
        .map(toFunded)
        .filter(({ id }) => id > after)
        .filter((account) => ownerId === undefined || account.ownerId === ownerId)
        .filter((account) => status === undefined || account.status === status)
        .toSorted((a, b) => byText(a.id, b.id))
        .slice(0, limit),
    save: saving<Account, AccountsEvent>(append, idOf, (account) =>
      change<AccountRow>(accounts, account.id, (before) => ({
        ...(before ?? { posted: 0n, held: 0n, movements: 0 }),
        account,
      })),
    ),
  } satisfies AccountsScope["accounts"];
}

/**
 * Makes one record of movements: at the commit, by what the accounts have then. The first changes look for the
 * time of the last record of all its accounts.
 */
function moveIn(
  { accounts, movements: kept, entries }: Tables,
  { change }: MemoryTransaction,
  movements: readonly Movement[],
  { at, date, transferId, entry }: Recording,
): void {
  let recordedAt = at;
  const ids = [...new Set(movements.map(({ accountId }) => accountId))].toSorted();
  for (const [i, id] of ids.entries())
    change<AccountRow>(accounts, id, (row) => {
      const first = i === 0 ? at : recordedAt;
      recordedAt = row?.movedAt !== undefined && row.movedAt > first ? row.movedAt : first;
      return row;
    });
  for (const [line, movement] of movements.entries()) {
    const { accountId, amount, held } = movement;
    let after: AccountRow | undefined;
    change<AccountRow>(accounts, accountId, (row) => {
      after = row && {
        ...row,
        posted: row.posted + amount.minor,
        held: row.held + held,
        movements: row.movements + 1,
        movedAt: recordedAt,
      };
      return after;
    });
    change<MovementRow>(
      kept,
      `${entry?.id ?? `${transferId} ${held < 0n}`} ${line}`,
      () =>
        after && {
          ...movement,
          sequence: after.movements,
          recordedAt,
          date,
          ...(entry === undefined ? {} : { entryId: entry.id }),
          ...(transferId === undefined ? {} : { transferId }),
          postedAfter: after.posted,
          heldAfter: after.held,
        },
    );
  }
  if (entry === undefined) return;
  const { id, memo, tags, reverses, exchange } = entry;
  change<EntryRow>(entries, id, () => ({
    id,
    date,
    recordedAt,
    ...(memo === undefined ? {} : { memo }),
    tags,
    ...(reverses === undefined ? {} : { reverses }),
    ...(exchange === undefined ? {} : { exchange }),
    ...(transferId === undefined ? {} : { transferId }),
    version: 1 as Version,
  }));
}

const zero = { posted: 0n, held: 0n };

const movementsIn = ({ movements }: Tables, accountId: AccountId) =>
  [...movements.rows.values()]
    .filter((row) => row.accountId === accountId)
    .toSorted((a, b) => a.sequence - b.sequence);
const lastAt = (tables: Tables, accountId: AccountId, instant: Instant) =>
  movementsIn(tables, accountId).findLast(({ recordedAt }) => recordedAt <= instant);

function trialIn(tables: Tables): Pick<Journal, "trial" | "totals"> {
  const trial = (instant: Instant) =>
    [...tables.accounts.rows.values()]
      .toSorted((a, b) => byText(a.account.id, b.account.id))
      .flatMap(({ account: { id: accountId, currency } }) => {
        const last = lastAt(tables, accountId, instant);
        return last ? [{ accountId, currency, posted: last.postedAfter }] : [];
      });
  return {
    trial: async ({ at: instant, after = "", limit }) =>
      trial(instant)
        .filter(({ accountId }) => accountId > after)
        .slice(0, limit),
    async totals(instant) {
      const sums = new Map<Currency, bigint>();
      for (const { currency, posted } of trial(instant))
        sums.set(currency, (sums.get(currency) ?? 0n) + posted);
      return [...sums]
        .toSorted(([a], [b]) => byText(a, b))
        .map(([currency, minor]) => Money.of(minor, currency));
    },
  };
}

function journalIn(tables: Tables, transaction: MemoryTransaction): Journal {
  const { movements, entries } = tables;
  const movementsOn = (accountId: AccountId) => movementsIn(tables, accountId);
  const recorded = (entry: EntryRow): RecordedEntry => ({
    ...entry,
    postings: [...movements.rows.values()]
      .filter(({ entryId }) => entryId === entry.id)
      .map(({ accountId, amount }) => ({ accountId, amount })),
    isReversed: entries.find(entry.id) !== undefined,
  });
  const post: Journal["post"] = ({ state, events }, now) => {
    const moves = Postings.movements(state.postings);
    moveIn(tables, transaction, moves, { at: now, date: state.date, entry: state });
    transaction.append(state.id, Version.none, events);
  };
  return {
    move: (moves, record) => moveIn(tables, transaction, moves, record),
    post,
    postAll(changes, now) {
      for (const change of changes) post(change, now);
    },
    byId: async (id) => {
      const entry = entries.rows.get(id);
      return entry && recorded(entry);
    },
    page: async (after = "" as EntryId, limit) =>
      [...entries.rows.values()]
        .filter(({ id }) => id > after)
        .toSorted((a, b) => byText(a.id, b.id))
        .slice(0, limit)
        .map(recorded),
    async statement({ accountId, from = "", until = "~", order, beyond, limit }) {
      const isBeyond = ({ sequence }: MovementRow) =>
        beyond === undefined || (order === "newest" ? sequence < beyond : sequence > beyond);
      const lines = movementsOn(accountId)
        .filter(({ recordedAt }) => recordedAt >= from && recordedAt < until)
        .filter(isBeyond)
        .flatMap((row) => toLine(row, tables));
      return (order === "newest" ? lines.toReversed() : lines).slice(0, limit);
    },
    touching: async (accountId, after, limit) =>
      movementsOn(accountId)
        .flatMap(({ sequence, transferId }) =>
          sequence > after && transferId !== undefined ? [{ sequence, transferId }] : [],
        )
        .slice(0, limit),
    async at(accountId, instant) {
      const last = lastAt(tables, accountId, instant);
      return last ? { posted: last.postedAfter, held: last.heldAfter } : zero;
    },
    onDate: async (accountId, date) => ({
      posted: movementsOn(accountId)
        .filter((row) => row.date <= date)
        .reduce((sum, { amount }) => sum + amount.minor, 0n),
    }),
    ...trialIn(tables),
  };
}

function toLine(
  { entryId, transferId, amount, postedAfter, sequence, recordedAt, date }: MovementRow,
  { entries }: Tables,
): readonly StatementLine[] {
  if (entryId === undefined) return [];
  const memo = entries.rows.get(entryId)?.memo;
  return [
    {
      sequence,
      recordedAt,
      date,
      entryId,
      ...(transferId === undefined ? {} : { transferId }),
      ...(memo === undefined ? {} : { memo }),
      amount,
      balance: Money.of(postedAfter, amount.currency),
    },
  ];
}

function personalDataIn(
  { accounts, movements, entries, transfers, statements, connections, holdings }: Tables,
  memory: MemoryTransaction,
) {
  const { change, redact } = memory;
  return {
    async erase(ownerId) {
      const ids = new Set(
        [...accounts.rows.values()]
          .filter(({ account }) => account.ownerId === ownerId)
          .map(({ account }) => account.id),
      );
      const theirs = [...movements.rows.values()].filter(({ accountId }) => ids.has(accountId));
      const entryIds = new Set(theirs.flatMap(({ entryId }) => entryId ?? []));
      const transferIds = new Set(theirs.flatMap(({ transferId }) => transferId ?? []));
      for (const id of ids)
        change<AccountRow>(
          accounts,
          id,
          (row) => row && { ...row, account: nameless(row.account) },
        );
      for (const id of entryIds) change<EntryRow>(entries, id, withoutMemo);
      for (const id of transferIds) change<Transfer>(transfers, id, withoutMemo);
      eraseStatements(statements, memory, { ownerId, accountIds: ids });
      eraseConnections(connections, memory, ownerId);
      eraseHoldings(holdings, memory, ids);
      redact([...ids, ...entryIds, ...transferIds], erased);
    },
  } satisfies AccountsScope["personalData"];
}

const nameless = ({ elsewhere, ...account }: Account): Account => ({
  ...account,
  name: erased.name,
  ...(elsewhere === undefined
    ? {}
    : { elsewhere: { provider: elsewhere.provider, outsideId: elsewhere.outsideId } }),
  ...(account.mask === undefined ? {} : { mask: erased.mask }),
});
const withoutMemo = <Row extends { readonly memo?: Memo }>(row: Row | undefined): Row | undefined =>
  row && (row.memo === undefined ? row : { ...row, memo: erased.memo });

const activeOf = ({ accounts }: Tables, ownerId: OwnerId): ReadonlySet<AccountId> =>
  new Set(
    [...accounts.rows.values()].flatMap(({ account }) =>
      account.ownerId === ownerId && account.status === "active" ? [account.id] : [],
    ),
  );

/** All repositories of accounts in memory. */
export const memoryAccounts =
  (tables: Tables) =>
  (transaction: MemoryTransaction): AccountsScope => ({
    accounts: accountsIn(tables, transaction),
    journal: journalIn(tables, transaction),
    imports: importsIn(tables.statements, transaction),
    lines: linesIn(tables.statements, transaction),
    balances: balancesIn(tables.statements, transaction),
    connections: connectionsIn(tables.connections, transaction),
    syncs: syncsIn(tables.connections, transaction),
    rates: ratesIn(tables.rates, transaction),
    holdings: holdingsIn(tables.holdings, transaction, (ownerId) => activeOf(tables, ownerId)),
    personalData: personalDataIn(tables, transaction),
    transfers: {
      byId: async (id) => tables.transfers.rows.get(id),
      touching: async ({ accountId, status, before = Infinity, limit }) =>
        movementsIn(tables, accountId)
          .toReversed()
          .flatMap(({ sequence, transferId, entryId, held }) => {
            const transfer = transferId && tables.transfers.rows.get(transferId);
            if (!transfer || sequence >= before) return [];
            const isPosted = transfer.status === "posted";
            const isLast =
              entryId !== undefined || transfer.status === "pending" || (!isPosted && held < 0n);
            const isWanted = status === undefined || transfer.status === status;
            return isLast && isWanted ? [{ sequence, transfer }] : [];
          })
          .slice(0, limit),
      expired: async (now, limit) =>
        [...tables.transfers.rows.values()]
          .flatMap((transfer) =>
            transfer.status === "pending" && transfer.expiresAt <= now ? [transfer] : [],
          )
          .toSorted((a, b) => byText(a.expiresAt, b.expiresAt))
          .slice(0, limit)
          .map(({ id }) => id),
      save: saving<Transfer, AccountsEvent>(transaction.append, idOf, (transfer) =>
        transaction.put<Transfer>(tables.transfers, transfer.id, transfer),
      ),
    },
  });
