import { identityEvents } from "#contexts/identity";
import { consumer } from "#platform/events/consumer.ts";
import type { DriveScope } from "../application/ports/scope.ts";

/** The reactions of the drive to events of users. */
export const identityConsumers = [
  consumer({
    name: "drive.erased-owners",
    events: identityEvents,
    on: {
      "identity.user-erased": ({ payload }, { personalData }: DriveScope) =>
        personalData.erase(payload.userId),
    },
  }),
];
