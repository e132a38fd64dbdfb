import type { Recorded } from "#kernel/event.ts";
import type { Runtime } from "../runtime.ts";
import type { RetryLimits } from "./failure.ts";
import type { HeldSlots } from "./held-slots.ts";
import type { Lane } from "./lane.ts";
import type { Outage } from "./outage.ts";
import type { ParkedStreams } from "./parked-streams.ts";
import type { Progress, SubscriptionStore, Taken, Work } from "./subscription-store.ts";

/** The shared parts of one subscription. */
export type Delivering<Scope> = Pick<Runtime, "clock" | "timers" | "chance"> & {
  readonly store: SubscriptionStore<Scope>;
  readonly slots: HeldSlots;
  readonly parked: ParkedStreams;
  readonly outage: Outage;
  readonly lane: Lane<Scope>;
  readonly limits: RetryLimits & {
    /** An event whose handler takes longer has failed. */
    readonly handlerTimeoutMs: number;
  };
  /** Commits progress and effects, and updates the known state. */
  readonly commit: (progress: Progress, works: readonly Work<Scope>[]) => Promise<void>;
  /** How many events were handled, and how many have failed. */
  readonly tell: (handled: {
    readonly ok: number;
    readonly failed: number;
    readonly durationMs: number;
  }) => void;
};

/** How new events reach a consumer, and how the event of a parked stream does. */
export type Delivery<Scope> = {
  /** New events in their order; answers how many of them are done. */
  readonly deliver: (items: readonly Taken[]) => Promise<number>;
  readonly attempt: (event: Recorded) => Promise<Work<Scope> | undefined>;
  /** Whether an attempt is stored before it is made, since its effect cannot be undone. */
  readonly claims: boolean;
  /** How many more parked streams may be tried now. */
  readonly retries: () => number;
};
