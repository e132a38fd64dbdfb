import { CivilDate } from "#kernel/civil-date.ts";
import { Instant } from "#kernel/instant.ts";
import { Currency, Money, SpelledMoney } from "#kernel/money.ts";
import { Flag } from "#kernel/scalars.ts";
import { list, named, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import {
  AccountPageSize,
  type BalanceView as Balance,
} from "../application/accounts/read-accounts.ts";
import {
  LineNumber,
  StatementPageSize,
  TrialPageSize,
  type TrialBalance,
} from "../application/ledger/read-ledger.ts";
import type { RecordedEntry, StatementLine } from "../application/ports/journal.ts";
import { TransferPageSize, TransferStatus } from "../application/transfers/list-transfers.ts";
import type { TransferMade } from "../application/transfers/make-transfer.ts";
import { Account, type Funded } from "../domain/account.ts";
import { AccountType } from "../domain/account-type.ts";
import { CurrencyPair } from "../domain/currency-pair.ts";
import type { Entry } from "../domain/entry.ts";
import { Exchange, SpelledExchange } from "../domain/exchange.ts";
import { SpelledLegs } from "../domain/events.ts";
import { AccountId, EntryId, OwnerId, TransferId } from "../domain/ids.ts";
import { AccountName, Mask, Memo, Tags } from "../domain/labels.ts";
import { ProviderId } from "../domain/provider.ts";
import { Postings, SpelledPostings } from "../domain/posting.ts";
import type { Leg, Transfer } from "../domain/transfer.ts";

/** `available` is missing where nothing limits what can be taken. */
const balance = { posted: SpelledMoney, held: SpelledMoney, available: optional(SpelledMoney) };
const pastBalance = { ...balance, held: optional(SpelledMoney) };

export const AccountView = named(
  "Account",
  shape({
    id: AccountId,
    ownerId: optional(OwnerId),
    name: AccountName,
    type: AccountType,
    currency: Currency,
    status: oneOf("active", "deactivated"),
    overdraft: optional(SpelledMoney),
    mask: optional(Mask),
    pair: optional(CurrencyPair),
    provider: optional(ProviderId),
    reconciledUntil: optional(CivilDate),
    openedAt: Instant,
    ...balance,
  }),
);
export const AccountListView = named(
  "AccountList",
  shape({ items: list(AccountView, AccountPageSize.most), nextCursor: optional(AccountId) }),
);
export const BalanceView = named("Balance", shape(pastBalance));

export const EntryView = named(
  "Entry",
  shape({
    id: EntryId,
    date: CivilDate,
    postings: SpelledPostings,
    memo: optional(Memo),
    tags: Tags,
    reverses: optional(EntryId),
    transferId: optional(TransferId),
    exchange: optional(SpelledExchange),
    recordedAt: optional(Instant),
    isReversed: optional(Flag),
  }),
);

export const StatementView = named(
  "Statement",
  shape({
    items: list(
      shape({
        sequence: LineNumber,
        recordedAt: Instant,
        date: CivilDate,
        entryId: EntryId,
        transferId: optional(TransferId),
        memo: optional(Memo),
        amount: SpelledMoney,
        balance: SpelledMoney,
      }),
      StatementPageSize.most,
    ),
    nextCursor: optional(LineNumber),
  }),
);

/** Currencies of one book, at most: all that there are. */
const maxCurrencies = 200;
export const TrialBalanceView = named(
  "TrialBalance",
  shape({
    at: Instant,
    items: list(shape({ accountId: AccountId, posted: SpelledMoney }), TrialPageSize.most),
    totals: list(SpelledMoney, maxCurrencies),
    nextCursor: optional(AccountId),
  }),
);

export const TransferView = named(
  "Transfer",
  shape({
    id: TransferId,
    status: TransferStatus,
    legs: SpelledLegs,
    moved: optional(SpelledLegs),
    memo: optional(Memo),
    tags: Tags,
    expiresAt: optional(Instant),
    entryId: optional(EntryId),
    isRepeated: optional(Flag),
  }),
);

export const TransferListView = named(
  "TransferList",
  shape({ items: list(TransferView, TransferPageSize.most), nextCursor: optional(LineNumber) }),
);

export function toAccount(account: Funded): Infer<typeof AccountView> {
  const { id, ownerId, name, type, currency, status, mask, pair, openedAt } = account;
  const { posted, held, overdraft, elsewhere, agreedUntil } = account;
  const money = (minor: bigint) => Money.spell(Money.of(minor, account.currency));
  const left = Account.available(account);
  return {
    id,
    ...(ownerId === undefined ? {} : { ownerId }),
    name,
    type,
    currency,
    status,
    ...(mask === undefined ? {} : { mask }),
    ...(pair === undefined ? {} : { pair }),
    ...(elsewhere === undefined ? {} : { provider: elsewhere.provider }),
    ...(agreedUntil === undefined ? {} : { reconciledUntil: agreedUntil }),
    openedAt,
    ...(overdraft === undefined ? {} : { overdraft: money(overdraft) }),
    posted: money(posted),
    held: money(held),
    ...(left === undefined ? {} : { available: money(left) }),
  };
}

export const toBalance = ({ posted, held, available }: Balance): Infer<typeof BalanceView> => ({
  posted: Money.spell(posted),
  ...(held === undefined ? {} : { held: Money.spell(held) }),
  ...(available === undefined ? {} : { available: Money.spell(available) }),
});

export function toEntry(found: Entry | RecordedEntry): Infer<typeof EntryView> {
  const { version: _, postings, exchange, ...entry } = found;
  return {
    ...entry,
    postings: Postings.spell(postings),
    ...(exchange === undefined ? {} : { exchange: Exchange.spell(exchange) }),
  };
}

export const toLine = ({ amount, balance: after, ...line }: StatementLine) => ({
  ...line,
  sequence: line.sequence as LineNumber,
  amount: Money.spell(amount),
  balance: Money.spell(after),
});

export const toTrial = ({
  items,
  totals,
  ...page
}: TrialBalance): Infer<typeof TrialBalanceView> => ({
  ...page,
  items: items.map(({ accountId, currency, posted }) => ({
    accountId,
    posted: Money.spell(Money.of(posted, currency)),
  })),
  totals: totals.map(Money.spell),
});

const spelled = (legs: readonly Leg[]) =>
  legs.map(({ amount, ...leg }) => ({ ...leg, amount: Money.spell(amount) }));

export function toTransfer(transfer: Transfer): Infer<typeof TransferView> {
  const { id, status, legs, memo, tags } = transfer;
  return {
    id,
    status,
    legs: spelled(legs),
    ...(memo === undefined ? {} : { memo }),
    tags,
    ...(transfer.status === "pending" ? { expiresAt: transfer.expiresAt } : {}),
    ...(transfer.status === "posted"
      ? { moved: spelled(transfer.moved), entryId: transfer.entryId }
      : {}),
  };
}

export const toMade = ({ transfer, isRepeated }: TransferMade): Infer<typeof TransferView> => ({
  ...toTransfer(transfer),
  ...(isRepeated ? { isRepeated } : {}),
});
