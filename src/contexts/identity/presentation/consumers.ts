import type { Context } from "#kernel/context.ts";
import { consumer, type AnyConsumer } from "#platform/events/consumer.ts";
import type { Emails } from "../application/send-emails.ts";
import { identityEvents } from "../domain/events.ts";
import type { UserId } from "../domain/user-id.ts";

type Changed = { readonly id: string; readonly payload: { readonly userId: UserId } };

/** What identity does about its own events: it writes to people. */
export function identityConsumers(emails: Emails): readonly AnyConsumer<unknown>[] {
  const changed =
    (what: string) =>
    ({ id, payload }: Changed, _: unknown, context: Context): Promise<void> =>
      emails.credentialsChanged(id, payload.userId, what, context);

  return [
    consumer({
      name: "identity.welcome-email",
      events: identityEvents,
      batchSize: 1, // an email cannot be taken back: repeat at most one after a crash
      on: {
        "identity.user-registered": ({ id, payload }, _, context) =>
          emails.welcome(id, payload, context),
      },
    }),
    consumer({
      name: "identity.account-email",
      events: identityEvents,
      batchSize: 1,
      on: {
        "identity.password-reset-requested": ({ id, payload }, _, context) =>
          emails.passwordReset(id, payload.email, context),
        "identity.email-verification-requested": ({ id, payload }, _, context) =>
          emails.emailVerification(id, payload.email, context),
        "identity.user-email-changed": ({ id, payload }) => emails.emailChanged(id, payload),
        "identity.password-set": async ({ id, payload: { userId, why } }, _, context) => {
          if (why === "change" || why === "reset")
            await emails.credentialsChanged(id, userId, "Your password was changed", context);
        },
        "identity.totp-activated": changed("Signing in now takes a code of your app"),
        "identity.totp-removed": changed("Signing in no longer takes a code"),
        "identity.passkey-added": changed("A passkey was added"),
        "identity.passkey-removed": changed("A passkey was removed"),
        "identity.api-key-created": changed("An API key was made"),
      },
    }),
  ];
}
