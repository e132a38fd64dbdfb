import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Email } from "../../domain/email.ts";
import type { PresentUser } from "../../domain/user.ts";
import type { UserId } from "../../domain/user-id.ts";
import type { UserName } from "../../domain/user-name.ts";
import type { EmailMessage, HowToUse, IdentityScope, Tokens } from "../ports.ts";
import { emailedForMs, SetPasswordToken, VerifyEmailToken } from "../tokens.ts";

type Deps = {
  readonly read: Read<IdentityScope>;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly howToUse: HowToUse;
};
type Registered = {
  readonly userId: UserId;
  readonly email: Email;
  readonly name: UserName;
  readonly by: "self" | "invitation" | "system";
};
type Changed = { readonly userId: UserId; readonly email: Email; readonly previous: Email };
type Written = EmailMessage | undefined;

const ignore = "If you did not ask for this, you can ignore this email: nothing has changed.\n";

const confirm = "Please confirm your email address";

const to = (
  { email }: Pick<PresentUser, "email">,
  id: string,
  subject: string,
  text: string,
): EmailMessage => ({ id, to: email, subject, text });

/** Writes the emails to users, each for one event; undefined when no email is due any more. */
export function writeEmails({ read, tokens, clock, howToUse }: Deps) {
  const expiresAt = () => Instant.plus(clock.now(), emailedForMs);

  const verification = ({ userId, email }: { readonly userId: UserId; readonly email: Email }) => {
    const token = tokens.issue(VerifyEmailToken, { userId, email, expiresAt: expiresAt() });
    return `Please confirm within 30 minutes that this address is yours:\n\n${howToUse("verify-email", token)}\n`;
  };
  const passwordToken = async (userId: UserId, email: Email, context: Context) => {
    const { version } = await read(context, ({ credentials }) => credentials.byUser(userId));
    const claims = { userId, email, credentialsVersion: version, expiresAt: expiresAt() };
    return howToUse("set-password", tokens.issue(SetPasswordToken, claims));
  };
  const activeUserOf = async (email: Email, context: Context) => {
    const user = await read(context, ({ users }) => users.byEmail(email));
    return user?.status === "active" ? user : undefined;
  };
  const presentUser = async (userId: UserId, context: Context) => {
    const user = await read(context, ({ users }) => users.byId(userId));
    return user && user.status !== "deleted" ? user : undefined;
  };

  return {
    async welcome(id: string, registered: Registered, context: Context): Promise<Written> {
      if (registered.by === "system") return undefined;
      if (!(await presentUser(registered.userId, context))) return undefined;
      if (registered.by === "self")
        return to(
          registered,
          id,
          "Welcome",
          `Hello,\n\nyour account is ready. ${verification(registered)}`,
        );
      const how = await passwordToken(registered.userId, registered.email, context);
      const text = `Hello ${registered.name},\n\nan account was created for you. Please choose a password within 30 minutes:\n\n${how}\n`;
      return to(registered, id, "You are invited", text);
    },

    async passwordReset(id: string, email: Email, context: Context): Promise<Written> {
      const user = await activeUserOf(email, context);
      if (!user) return undefined;
      const how = await passwordToken(user.id, user.email, context);
      const text = `Hello ${user.name},\n\nyou can choose a new password within 30 minutes:\n\n${how}\n\n${ignore}`;
      return to(user, id, "Choose a new password", text);
    },

    async emailVerification(id: string, email: Email, context: Context): Promise<Written> {
      const user = await activeUserOf(email, context);
      if (!user || user.isEmailVerified) return undefined;
      const text = `Hello ${user.name},\n\n${verification({ userId: user.id, email })}\n${ignore}`;
      return to(user, id, confirm, text);
    },

    /** To the new address of an account. */
    async newAddress(id: string, changed: Changed): Promise<Written> {
      return to(changed, id, confirm, `Hello,\n\n${verification(changed)}`);
    },

    /** Tells the former address of an account, so that a takeover does not go unnoticed. */
    async formerAddress(id: string, { email, previous }: Changed): Promise<Written> {
      const text = `The email address of your account was changed to ${email}.\n\nIf you did not change it, please contact the operator of this service.\n`;
      return to({ email: previous }, `${id}-previous`, "Your email address was changed", text);
    },

    /** Something by which one signs in was added, changed or removed. */
    async credentialsChanged(
      id: string,
      userId: UserId,
      what: string,
      context: Context,
    ): Promise<Written> {
      const user = await presentUser(userId, context);
      if (!user) return undefined;
      const text = `Hello ${user.name},\n\n${what}.\n\nIf you did not do this, sign in, change your password, and check your passkeys and API keys.\n`;
      return to(user, id, "Your account was changed", text);
    },
  };
}

export type Emails = ReturnType<typeof writeEmails>;
