import type { Instant } from "#kernel/instant.ts";
import type { Money } from "#kernel/money.ts";
import type { Holding, ToldHoldings } from "../../domain/holding.ts";
import type { AccountId, OwnerId } from "../../domain/ids.ts";

/** What holdings of one currency sum to. `asOf`: when the one of them was valued that was not valued for longest. */
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
