import type { Context } from "#kernel/context.ts";
import { outsideConsumer, type AnyOutsideConsumer } from "#platform/events/consumer.ts";
import type { SendEmail } from "../application/ports.ts";
import type { EmailKind } from "../application/credentials/email-texts.ts";
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
    (kind: EmailKind) =>
    ({ id, payload }: Changed, context: Context) =>
      emails.credentialsChanged(id, payload.userId, kind, context);

  return [
    outsideConsumer({
      ...common,
      name: "identity.welcome-email",
      on: {
        "identity.user-registered": ({ id, payload }, context) =>
          emails.welcome(id, payload, context),
        "identity.user-invited": ({ id, payload }, context) =>
          emails.invitation(id, payload.userId, context),
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
        "identity.user-email-change-requested": ({ id, payload }) =>
          emails.pendingAddress(id, payload),
        "identity.user-deleted": ({ id, payload }, context) =>
          emails.accountDeleted(id, payload.userId, context),
        "identity.password-set": async ({ id, payload: { userId, why } }, context) =>
          why === "change" || why === "reset"
            ? emails.credentialsChanged(id, userId, "passwordChanged", context)
            : undefined,
        "identity.totp-activated": changed("totpActivated"),
        "identity.totp-removed": changed("totpRemoved"),
        "identity.passkey-added": changed("passkeyAdded"),
        "identity.passkey-removed": changed("passkeyRemoved"),
        "identity.api-key-created": changed("apiKeyCreated"),
      },
    }),
    outsideConsumer({
      ...common,
      name: "identity.former-address-email",
      on: {
        "identity.user-email-change-requested": ({ id, payload }, context) =>
          emails.emailChangeRequested(id, payload.userId, context),
        "identity.user-email-changed": ({ id, payload }, context) =>
          emails.emailChanged(id, payload, context),
        "identity.user-email-restored": ({ id, payload: { email } }) =>
          emails.accountRestored(id, email),
      },
    }),
  ];
}
