import type { Instant } from "#kernel/instant.ts";
import type { Saves } from "#kernel/repository.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { AccountId, TransferId } from "../../domain/ids.ts";
import type { Transfer } from "../../domain/transfer.ts";
import type { Sequence } from "./journal.ts";

export type Transfers = Saves<Transfer, AccountsEvent> & {
  readonly byId: (id: TransferId) => Promise<Transfer | undefined>;
  /**
   * Transfers that take from an account or have given to it, each at its last movement there, the newest first, before one of its
   * movements. One with several legs there may come once for each.
   */
  readonly touching: (page: {
    readonly accountId: AccountId;
    readonly status?: Transfer["status"] | undefined;
    readonly before?: Sequence | undefined;
    readonly limit: number;
  }) => Promise<readonly { readonly sequence: Sequence; readonly transfer: Transfer }[]>;
  /** Pending transfers that have expired, the oldest first. */
  readonly expired: (at: Instant, limit: number) => Promise<readonly TransferId[]>;
};
