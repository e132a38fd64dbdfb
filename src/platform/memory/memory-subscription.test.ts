import { memorySubject } from "../events/testing/memory-subject.ts";
import { subscriptionContract } from "../events/testing/subscription.contract.ts";

subscriptionContract("memory", async () => memorySubject());
