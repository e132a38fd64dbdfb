import { identityEvents } from "#contexts/identity";
import { consumer } from "#platform/events/consumer.ts";
import type { AccountsScope } from "../application/ports/scope.ts";

/** The reactions of accounts to events of users. */
export const identityConsumers = [
  consumer({
    name: "accounts.erased-owners",
    events: identityEvents,
    on: {
      "identity.user-erased": ({ payload }, { personalData }: AccountsScope) =>
        personalData.erase(payload.userId),
    },
  }),
];
