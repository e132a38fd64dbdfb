import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Email } from "../domain/email.ts";
import type { PresentUser } from "../domain/user.ts";
import type { UserId } from "../domain/user-id.ts";
import type { UserName } from "../domain/user-name.ts";
import type { HowToUse, IdentityScope, SendEmail, Tokens } from "./ports.ts";
import { emailedForMs, SetPasswordToken, VerifyEmailToken } from "./tokens.ts";

type Deps = {
  readonly read: Read<IdentityScope>;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly sendEmail: SendEmail;
  readonly howToUse: HowToUse;
};
type Registered = {
  readonly userId: UserId;
  readonly email: Email;
  readonly name: UserName;
  readonly by: "self" | "invitation" | "system";
};

/** What people get by email. `id` names an email, however often it is sent. */
export function sendEmails({ read, tokens, clock, sendEmail, howToUse }: Deps) {
  const expiresAt = () => Instant.plus(clock.now(), emailedForMs);
  const ignore = "If you did not ask for this, nothing has changed: ignore it.\n";

  const verification = ({ userId, email }: { readonly userId: UserId; readonly email: Email }) => {
    const token = tokens.issue(VerifyEmailToken, { userId, email, expiresAt: expiresAt() });
    return `please show within 30 minutes that this address is yours:\n\n${howToUse("verify-email", token)}\n`;
  };
  const passwordToken = async (userId: UserId, email: Email, context: Context) => {
    const { version } = await read(context, ({ credentials }) => credentials.byUser(userId));
    const claims = { userId, email, credentialsVersion: version, expiresAt: expiresAt() };
    return howToUse("set-password", tokens.issue(SetPasswordToken, claims));
  };
  const whoUses = (email: Email, context: Context) =>
    read(context, ({ users }) => users.byEmail(email));
  const send = (id: string, { email }: Pick<PresentUser, "email">, subject: string, text: string) =>
    sendEmail({ id, to: email, subject, text });

  return {
    async welcome(id: string, user: Registered, context: Context): Promise<void> {
      if (user.by === "system") return undefined;
      if (user.by === "self")
        return send(id, user, "Welcome", `Hello,\n\nyour account is ready; ${verification(user)}`);
      const how = await passwordToken(user.userId, user.email, context);
      const text = `Hello ${user.name},\n\nan account was made for you. Choose its password within 30 minutes:\n\n${how}\n`;
      return send(id, user, "You are invited", text);
    },

    async passwordReset(id: string, email: Email, context: Context): Promise<void> {
      const user = await whoUses(email, context);
      if (user?.status !== "active") return;
      const how = await passwordToken(user.id, user.email, context);
      const text = `Hello ${user.name},\n\nchoose a new password within 30 minutes:\n\n${how}\n\n${ignore}`;
      await send(id, user, "A new password", text);
    },

    async emailVerification(id: string, email: Email, context: Context): Promise<void> {
      const user = await whoUses(email, context);
      if (user?.status !== "active" || user.isEmailVerified) return;
      const text = `Hello ${user.name},\n\n${verification({ userId: user.id, email })}\n${ignore}`;
      await send(id, user, "Is this your address?", text);
    },

    /** To both addresses: whoever took over an account must not do it unnoticed. */
    async emailChanged(
      id: string,
      { userId, email, previous }: { userId: UserId; email: Email; previous: Email },
    ): Promise<void> {
      const old = `The address of your account is now ${email}.\n\nIf you did not change it, tell whoever runs this service.\n`;
      await send(`${id}-previous`, { email: previous }, "Your address was changed", old);
      await send(
        id,
        { email },
        "Is this your address?",
        `Hello,\n\n${verification({ userId, email })}`,
      );
    },

    /** Something by which one signs in was added, changed or removed. */
    async credentialsChanged(
      id: string,
      userId: UserId,
      what: string,
      context: Context,
    ): Promise<void> {
      const user = await read(context, ({ users }) => users.byId(userId));
      if (!user || user.status === "deleted") return;
      const text = `Hello ${user.name},\n\n${what}.\n\nIf it was not you, sign in, change your password, and look through your passkeys and API keys.\n`;
      await send(id, user, "Your account was changed", text);
    },
  };
}

export type Emails = ReturnType<typeof sendEmails>;
