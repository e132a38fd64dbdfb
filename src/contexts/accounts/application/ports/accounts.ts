import type { Currency, Money } from "#kernel/money.ts";
import type { Saves } from "#kernel/repository.ts";
import type { Account, Funded, Mirror } from "../../domain/account.ts";
import type { CurrencyPair } from "../../domain/currency-pair.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { Sequence } from "./journal.ts";
import type { AccountId, OwnerId } from "../../domain/ids.ts";
import type { Accounts as Loaded } from "../../domain/ledger.ts";
import type { ExternalId } from "../../domain/observation.ts";
import type { ProviderId } from "../../domain/provider.ts";

/** What accounts of one currency sum to, and how many they are. */
export type WorthOf = { readonly amount: Money; readonly accounts: number };

/** Saving an account leaves its money alone. */
export type Accounts = Saves<Account, AccountsEvent> & {
  readonly byId: (id: AccountId) => Promise<Funded | undefined>;
  /** Those of the ids that there are. */
  readonly byIds: (ids: readonly AccountId[]) => Promise<Loaded>;
  /** The book's own accounts of a currency pair, by their currencies: both or none. */
  readonly trading: (pair: CurrencyPair) => Promise<ReadonlyMap<Currency, Account>>;
  /** The account of an owner that mirrors one at a provider. */
  readonly mirroring: (foreign: {
    readonly ownerId: OwnerId;
    readonly provider: ProviderId;
    readonly externalId: ExternalId;
    readonly currency: Currency;
  }) => Promise<Mirror | undefined>;
  /** What the accounts of one owner sum to, by currency. */
  readonly worth: (ownerId: OwnerId) => Promise<readonly WorthOf[]>;
  /** Accounts of one owner in the order of their opening, each with the number of its movements by then. */
  readonly followed: (
    ownerId: OwnerId,
    limit: number,
  ) => Promise<readonly (Funded & { readonly movements: Sequence })[]>;
  /** Accounts of one owner, or of all and of the book, in the order of their opening. */
  readonly page: (page: {
    readonly ownerId?: OwnerId | undefined;
    readonly status?: Account["status"] | undefined;
    readonly after?: AccountId | undefined;
    readonly limit: number;
  }) => Promise<readonly Funded[]>;
};
