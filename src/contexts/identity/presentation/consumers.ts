import type { Context } from "#kernel/context.ts";
import { outsideConsumer, type AnyOutsideConsumer } from "#platform/events/consumer.ts";
import type { SendEmail } from "../application/ports.ts";
import type { Emails } from "../application/credentials/write-emails.ts";
import { identityEvents } from "../domain/events.ts";
import type { UserId } from "../domain/user-id.ts";

type Changed = { readonly id: string; readonly payload: { readonly userId: UserId } };

/** The emails that identity sends about its own events. */
export function identityConsumers(
  emails: Emails,
  sendEmail: SendEmail,
  concurrency: number,
): readonly AnyOutsideConsumer[] {
  const common = { events: identityEvents, deliver: sendEmail, concurrency };
  const changed =
    (what: string) =>
    ({ id, payload }: Changed, context: Context) =>
      emails.credentialsChanged(id, payload.userId, what, context);

  return [
    outsideConsumer({
      ...common,
      name: "identity.welcome-email",
      on: {
        "identity.user-registered": ({ id, payload }, context) =>
          emails.welcome(id, payload, context),
      },
    }),
    outsideConsumer({
      ...common,
      name: "identity.account-email",
      on: {
        "identity.password-reset-requested": ({ id, payload }, context) =>
          emails.passwordReset(id, payload.email, context),
        "identity.email-verification-requested": ({ id, payload }, context) =>
          emails.emailVerification(id, payload.email, context),
        "identity.user-email-changed": ({ id, payload }) => emails.newAddress(id, payload),
        "identity.password-set": async ({ id, payload: { userId, why } }, context) =>
          why === "change" || why === "reset"
            ? emails.credentialsChanged(id, userId, "Your password was changed", context)
            : undefined,
        "identity.totp-activated": changed(
          "Signing in now requires a code from your authenticator app",
        ),
        "identity.totp-removed": changed("Signing in no longer requires a code"),
        "identity.passkey-added": changed("A passkey was added"),
        "identity.passkey-removed": changed("A passkey was removed"),
        "identity.api-key-created": changed("An API key was created"),
      },
    }),
    outsideConsumer({
      ...common,
      name: "identity.former-address-email",
      on: {
        "identity.user-email-changed": ({ id, payload }) => emails.formerAddress(id, payload),
      },
    }),
  ];
}
