import { CivilDate } from "#kernel/civil-date.ts";
import type { Id, IdKind } from "#kernel/id.ts";
import type { Instant } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { Account } from "../../domain/account.ts";
import { Entry } from "../../domain/entry.ts";
import { AccountId, EntryId, OwnerId, TransferId } from "../../domain/ids.ts";
import { AccountName, Memo } from "../../domain/labels.ts";
import { Postings } from "../../domain/posting.ts";
import { Transfer } from "../../domain/transfer.ts";

export const currencies = ["EUR", "USD", "JPY"].map((code) => expect(Currency.parse(code)));
const names = ["Everyday", "Household", "Travel", "Rent", "Groceries"] as const;
const memos = ["lunch", "rent", "gift", "tickets", "books"].map((text) => expect(Memo.parse(text)));
const accountsOfOwner = 3;
/** In minor units: what an account begins with, and pays at most. */
const [funds, payment] = [100_000n, 5_000n];

const nth = <T>(all: readonly T[], n: number): T => all[n % all.length] as T;

/** An account of demo data as it is opened. */
export type DemoAccount = Pick<Account, "id" | "ownerId" | "name" | "type" | "currency">;

/** The 16 bytes of an id that depend on a text alone, and sort by a number. */
export type BytesOf = (text: string, order: number) => Uint8Array;

/** The demo data of a seed, which is the same each time. */
export function demoLedger(seed: number, bytesOf: BytesOf) {
  const idOf = <I extends Id<string>>(kind: IdKind<I>, name: string, order: number): I =>
    kind.from(bytesOf(`${seed} ${kind.prefix} ${name}`, order));

  const ownerOf = (owner: number) => idOf(OwnerId, String(owner), owner);
  const account = (n: number): DemoAccount & { readonly ownerId: OwnerId } => ({
    id: idOf(AccountId, String(n), n),
    ownerId: ownerOf(Math.floor(n / accountsOfOwner)),
    type: "checking",
    currency: nth(currencies, Math.floor(n / accountsOfOwner)),
    name: expect(AccountName.parse(`${nth(names, n)} ${n}`)),
  });
  const equity = (currency: Currency): DemoAccount => ({
    id: idOf(AccountId, `equity ${currency}`, 0),
    type: "equity",
    currency,
    name: expect(AccountName.parse(`Demo equity ${currency}`)),
  });

  return {
    account,
    equity,
    fundingId: (n: number) => idOf(EntryId, String(n), 2 * n),
    /** What the n-th account begins with. */
    funding(n: number, now: Instant) {
      const { id: accountId, currency } = account(n);
      const amount = Money.of(funds, currency);
      const postings = [
        { accountId: equity(currency).id, amount: Money.negated(amount) },
        { accountId, amount },
      ];
      return Entry.post({
        id: idOf(EntryId, String(n), 2 * n),
        date: CivilDate.ofInstant(now),
        postings: expect(Postings.balanced(postings)),
        tags: [],
      });
    },
    /** The id of what the n-th account pays to the one before it; the first of an owner pays nothing. */
    paymentId: (n: number) =>
      n % accountsOfOwner === 0 ? undefined : idOf(TransferId, String(n), n),
    payment(n: number, id: TransferId, now: Instant) {
      const [from, to] = [account(n), account(n - 1)];
      const amount = Money.of((BigInt(n * 7_919) % payment) + 1n, from.currency);
      const legs = [{ from: from.id, to: to.id, amount }];
      const terms = { id, legs, memo: nth(memos, n), tags: [], madeBy: from.ownerId };
      const posting = {
        entryId: idOf(EntryId, `payment ${n}`, 2 * n + 1),
        date: CivilDate.ofInstant(now),
      };
      return { made: Transfer.make(terms, posting), ...posting };
    },
  };
}
