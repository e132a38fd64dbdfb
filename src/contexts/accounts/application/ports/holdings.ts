import type { Instant } from "#kernel/instant.ts";
import type { Money } from "#kernel/money.ts";
import type { Holding, ToldHoldings } from "../../domain/holding.ts";
import type { AccountId, OwnerId } from "../../domain/ids.ts";

/** The sum of holdings in one currency. `asOf`: the time of the oldest value among them. */
export type HoldingsWorth = {
  readonly amount: Money;
  readonly positions: number;
  readonly asOf: Instant;
};

export type Holdings = {
  /** Keeps what was told. What a whole answer leaves out is held no more; any other answer takes nothing away. */
  readonly tell: (accountId: AccountId, told: ToldHoldings) => void;
  /** By instrument. */
  readonly ofAccount: (accountId: AccountId) => Promise<readonly Holding[]>;
  /** Of active accounts of one owner, by currency. */
  readonly worth: (ownerId: OwnerId) => Promise<readonly HoldingsWorth[]>;
};
