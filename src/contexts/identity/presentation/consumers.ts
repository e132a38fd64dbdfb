import { consumer, type AnyConsumer } from "#platform/events/consumer.ts";
import { identityEvents } from "../domain/events.ts";
import type { welcomeUser } from "../application/welcome-user.ts";

/** What identity does about its own events. */
export const identityConsumers = ({
  welcome,
}: {
  readonly welcome: ReturnType<typeof welcomeUser>;
}): readonly AnyConsumer<unknown>[] => [
  consumer({
    name: "identity.welcome-email",
    events: identityEvents,
    batchSize: 1, // an email cannot be taken back: repeat at most one after a crash
    on: {
      "identity.user-registered": ({ id, payload: { email, name } }) =>
        welcome({ id, email, name }),
    },
  }),
];
