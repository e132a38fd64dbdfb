import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Email } from "../../domain/email.ts";
import { User, type FormerEmail, type PresentUser } from "../../domain/user.ts";
import type { UserId } from "../../domain/user-id.ts";
import type { EmailMessage, HowToUse, IdentityScope, Tokens } from "../ports.ts";
import {
  emailedForMs,
  InvitationToken,
  RestorationToken,
  SetPasswordToken,
  VerifyEmailToken,
} from "../tokens.ts";
import { fill, type EmailKind, type EmailTexts, type EmailValues } from "./email-texts.ts";

type Deps = {
  readonly read: Read<IdentityScope>;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly howToUse: HowToUse;
  readonly productName: string;
  readonly emailTexts: EmailTexts;
  readonly invitationDays: number;
  readonly eraseAfterDays: number;
};
type Registered = {
  readonly userId: UserId;
  readonly email: Email;
  readonly by: "self" | "invitation" | "system";
};
type Asked = { readonly userId: UserId; readonly email: Email };
type Moved = Asked & { readonly previous: Email };
type Written = EmailMessage | undefined;

const dayMs = 86_400_000;
const within30Minutes = "30 minutes";
const within72Hours = "72 hours";
const daysOf = (days: number) => (days === 1 ? "one day" : `${days} days`);

const isOf =
  (email: Email) =>
  (former: FormerEmail): boolean =>
    former.email === email;

/** What all emails are written with. */
function writer({ read, clock, productName: product, emailTexts }: Deps) {
  const write = (
    kind: EmailKind,
    id: string,
    to: Email,
    values: Omit<EmailValues, "product"> = {},
  ): EmailMessage => ({ id, to, ...fill(emailTexts[kind], { product, ...values }) });
  const presentUser = (userId: UserId, context: Context) =>
    read(context, async ({ users }) => {
      const found = User.present(await users.byId(userId));
      return found.ok ? found.value : undefined;
    });
  return { write, presentUser, inMs: (ms: number) => Instant.plus(clock.now(), ms) };
}

/** Emails with a token by which an account is entered, or an address confirmed. */
function emailsWithTokens(deps: Deps) {
  const { read, tokens, howToUse, invitationDays } = deps;
  const { write, presentUser, inMs } = writer(deps);

  const verification = (kind: EmailKind, id: string, { userId, email }: Asked) => {
    const claims = { userId, email, expiresAt: inMs(emailedForMs) };
    const how = howToUse("verify-email", tokens.issue(VerifyEmailToken, claims));
    return write(kind, id, email, { how, within: within30Minutes });
  };
  const invitation = (id: string, user: PresentUser | undefined): Written => {
    if (user?.status !== "invited") return undefined;
    const { id: userId, email, name } = user;
    const claims = { userId, email, expiresAt: inMs(invitationDays * dayMs) };
    const how = howToUse("set-password", tokens.issue(InvitationToken, claims));
    return write("invitation", id, email, { how, within: daysOf(invitationDays), name });
  };
  const userWith = (email: Email, context: Context) =>
    read(context, ({ users }) => users.byEmail(email));

  return {
    async welcome(id: string, registered: Registered, context: Context): Promise<Written> {
      const user = await presentUser(registered.userId, context);
      if (!user || registered.by === "system") return undefined;
      return registered.by === "self"
        ? verification("welcome", id, registered)
        : invitation(id, user);
    },

    async invitation(id: string, userId: UserId, context: Context): Promise<Written> {
      return invitation(id, await presentUser(userId, context));
    },

    async passwordReset(id: string, email: Email, context: Context): Promise<Written> {
      const user = await userWith(email, context);
      if (user?.status !== "active") return invitation(id, user);
      const { id: userId } = user;
      const { version } = await read(context, ({ credentials }) => credentials.byUser(userId));
      const claims = { userId, email, credentialsVersion: version, expiresAt: inMs(emailedForMs) };
      const how = howToUse("set-password", tokens.issue(SetPasswordToken, claims));
      return write("passwordReset", id, email, { how, within: within30Minutes });
    },

    async emailVerification(id: string, email: Email, context: Context): Promise<Written> {
      const user = await userWith(email, context);
      if (user?.status !== "active" || user.isEmailVerified) return undefined;
      return verification("emailVerification", id, { userId: user.id, email });
    },

    /** To the address that was asked for. */
    async pendingAddress(id: string, asked: Asked): Promise<Written> {
      return verification("emailVerification", id, asked);
    },
  };
}

/** Emails that tell a user what happened to their account, so that a takeover does not go unnoticed. */
function emailsOfChanges(deps: Deps) {
  const { read, tokens, clock, howToUse, eraseAfterDays } = deps;
  const { write, presentUser } = writer(deps);

  return {
    /** To the address that counts until the new one is confirmed. */
    async emailChangeRequested(id: string, userId: UserId, context: Context): Promise<Written> {
      const user = await presentUser(userId, context);
      return user && write("emailChangeRequested", `${id}-current`, user.email);
    },

    /** To the former address, with the way back. */
    async emailChanged(
      id: string,
      { userId, previous }: Moved,
      context: Context,
    ): Promise<Written> {
      const user = await presentUser(userId, context);
      const former = user && User.formersAt(user, clock.now()).findLast(isOf(previous));
      if (!former) return undefined;
      const token = tokens.issue(RestorationToken, { userId, ...former });
      const how = howToUse("set-password", token);
      return write("emailChanged", `${id}-previous`, previous, { how, within: within72Hours });
    },

    /** To the address that has the account again. */
    async accountRestored(id: string, email: Email): Promise<Written> {
      return write("accountRestored", id, email);
    },

    async accountDeleted(id: string, userId: UserId, context: Context): Promise<Written> {
      const user = await read(context, ({ users }) => users.byId(userId));
      if (user?.status !== "deleted" || user.erasedAt !== undefined) return undefined;
      return write("accountDeleted", id, user.email, { within: daysOf(eraseAfterDays + 1) });
    },

    /** Something by which one signs in was added, changed or removed. */
    async credentialsChanged(
      id: string,
      userId: UserId,
      kind: EmailKind,
      context: Context,
    ): Promise<Written> {
      const user = await presentUser(userId, context);
      return user && write(kind, id, user.email);
    },
  };
}

/** Writes the emails to users, each for one event; undefined when no email is due any more. */
export const writeEmails = (deps: Deps) => ({
  ...emailsWithTokens(deps),
  ...emailsOfChanges(deps),
});

export type Emails = ReturnType<typeof writeEmails>;
