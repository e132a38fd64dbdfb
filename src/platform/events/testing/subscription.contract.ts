import { deliveryContract } from "./delivery.contract.ts";
import { failuresContract } from "./failures.contract.ts";
import { outsideEffectsContract } from "./outside-effects.contract.ts";
import { sharingContract } from "./sharing.contract.ts";
import type { Open } from "./subject.ts";

/** The contract of the port `SubscriptionStore`, as subscriptions use it. */
export function subscriptionContract(name: string, open: Open): void {
  deliveryContract(name, open);
  sharingContract(name, open);
  failuresContract(name, open);
  outsideEffectsContract(name, open);
}
