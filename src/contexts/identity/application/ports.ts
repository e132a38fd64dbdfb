import type { Saves } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Result } from "#kernel/result.ts";
import type { Value } from "#kernel/shape.ts";
import type { ApiKey } from "../domain/api-key.ts";
import type { Code, CodeHash, Credentials, Passkey, Sealed } from "../domain/credentials.ts";
import type { Email } from "../domain/email.ts";
import type { IdentityEvent } from "../domain/events.ts";
import type { ApiKeyId, SessionId } from "../domain/ids.ts";
import type { Password, PasswordHash } from "../domain/password.ts";
import type { Policy, Role } from "../domain/role.ts";
import type { LiveSession, Session } from "../domain/session.ts";
import type { DeletedUser, PresentUser, User } from "../domain/user.ts";
import type { UserId } from "../domain/user-id.ts";

export type Users = Saves<User, IdentityEvent> & {
  readonly byId: (id: UserId) => Promise<User | undefined>;
  /** The present user with the address. */
  readonly byEmail: (email: Email) => Promise<PresentUser | undefined>;
  /** The user that has the address, or can take an account back with it at this time. */
  readonly holderOf: (email: Email, at: Instant) => Promise<UserId | undefined>;
  /** Present users in the order of their registration, after one of them. */
  readonly page: (page: {
    readonly after?: UserId | undefined;
    readonly limit: number;
  }) => Promise<readonly PresentUser[]>;
  /** Users who were deleted before this time and are not erased yet. */
  readonly toErase: (before: Instant, limit: number) => Promise<readonly DeletedUser[]>;
  /** Whether any active user but this one is an administrator. */
  readonly isAdministeredWithout: (id: UserId | undefined) => Promise<boolean>;
};

export type CredentialsOfUsers = Saves<Credentials, IdentityEvent> & {
  /** The credentials of a user; empty ones for a user without any. */
  readonly byUser: (userId: UserId) => Promise<Credentials>;
};

export type Sessions = Saves<Session, IdentityEvent> & {
  readonly byId: (id: SessionId) => Promise<Session | undefined>;
  /** Those not ended, the newest first; expired ones may be among them. */
  readonly ofUser: (userId: UserId) => Promise<readonly LiveSession[]>;
};

export type ApiKeys = Saves<ApiKey, IdentityEvent> & {
  readonly byId: (id: ApiKeyId) => Promise<ApiKey | undefined>;
  /** All that were not revoked, the newest first. */
  readonly ofUser: (userId: UserId) => Promise<readonly ApiKey[]>;
};

export type Policies = Saves<Policy, IdentityEvent> & {
  readonly all: () => Promise<readonly Policy[]>;
  readonly byRole: (role: Role) => Promise<Policy | undefined>;
};

/** What is kept of a person beside their user. */
export type PersonalData = {
  /** The addresses that the user has shown to be theirs, without those that somebody has now. */
  readonly emailsOf: (userId: UserId) => Promise<readonly Email[]>;
  /** Deletes credentials, sessions and keys, and replaces names and addresses in events. */
  readonly erase: (userId: UserId) => Promise<void>;
};

/** Events that belong to no aggregate: requests for an email. */
export type EmailRequests = { readonly add: (event: IdentityEvent) => void };

/** All repositories of identity, bound to one transaction. */
export type IdentityScope = {
  readonly users: Users;
  readonly credentials: CredentialsOfUsers;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly policies: Policies;
  readonly personalData: PersonalData;
  readonly emailRequests: EmailRequests;
};

/** An email to one person. `id` stays the same when the same email is sent again. */
export type EmailMessage = {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
};

/** Hands an email over. */
export type SendEmail = (email: EmailMessage) => Promise<void>;

/** Where in an email it says how to go on with a token. */
export type HowToUse = (what: "verify-email" | "set-password", token: string) => string;

/** More passwords wait to be hashed than will be soon. */
export type TooBusy = { readonly type: "too-busy"; readonly retryAfterS: number };

export type Verdict = {
  readonly matches: boolean;
  /** The hash was made with other parameters than today's: make it anew. */
  readonly outdated: boolean;
};

/** Slow by purpose: a hash costs the processor tens of milliseconds, so only few are made at once. */
export type Passwords = {
  readonly hash: (password: Password) => Promise<Result<PasswordHash, TooBusy>>;
  /**
   * Asks for the hash only once it is this one's turn: who is refused has cost nothing. Without a
   * hash it is as slow as with one, and no match.
   */
  readonly verify: (
    password: Password,
    hashOf: () => Promise<PasswordHash | undefined>,
  ) => Promise<Result<Verdict, TooBusy>>;
  /** Makes a random password. */
  readonly make: () => Password;
};

/** Whether a password is among those that are guessed first. */
export type IsCommonPassword = (password: Password) => Promise<boolean>;

/** A kind of opaque token and its claims. */
export type TokenKind<Claims> = { readonly purpose: string; readonly claims: Value<Claims> };

/**
 * Texts that only we can have made: signed, and nowhere stored. Whether what they speak of is still
 * so, the state of the aggregate tells.
 */
export type Tokens = {
  readonly issue: <Claims>(kind: TokenKind<Claims>, claims: Claims) => string;
  readonly read: <Claims>(kind: TokenKind<Claims>, token: string) => Claims | undefined;
};

export type AccessToken = { readonly token: string; readonly expiresAt: Instant };

/** Short-lived proof of a session that other services can verify too: a JWT. */
export type AccessTokens = {
  readonly issue: (session: LiveSession) => Promise<AccessToken>;
  /** Undefined for any token that is not ours, was changed, or is not valid now. */
  readonly read: (
    token: string,
  ) => Promise<{ readonly sessionId: SessionId; readonly expiresAt: Instant } | undefined>;
};

/** Encryption of secrets that must be read again. A secret opens only for the `owner` that it was sealed for. */
export type Sealing = {
  readonly seal: (plain: string, owner: string) => Sealed;
  readonly open: (sealed: Sealed, owner: string) => string;
};

/** Time-based one-time passwords. Source: RFC 6238, SHA-1, 30 seconds, 6 digits. */
export type TotpCodes = {
  readonly newSecret: () => string;
  /** The `otpauth:` address that an authenticator app reads. */
  readonly uriOf: (secret: string, account: string) => string;
  /** The step that the code is of, if it is of now or one step beside. */
  readonly stepOf: (secret: string, code: Code, at: Instant) => number | undefined;
};

export type RecoveryCodes = {
  readonly make: () => readonly Code[];
  readonly hashOf: (code: Code) => CodeHash;
};

type Json = { readonly [field: string]: unknown };

/** The answer of an authenticator: the passkey, its user and the challenge. */
export type Assertion = {
  readonly passkeyId: string;
  readonly userHandle: string;
  readonly challenge: string;
};

/** The ceremonies of WebAuthn. Options and responses: the JSON that browsers take and give. */
export type PasskeyCeremonies = {
  readonly additionOptions: (who: {
    readonly user: PresentUser;
    readonly challenge: string;
    readonly known: readonly Passkey[];
  }) => Promise<Json>;
  /** The challenge that a response answers, before anything of it is verified. */
  readonly challengeOf: (response: Json) => string | undefined;
  readonly verifyAddition: (
    response: Json,
    challenge: string,
  ) => Promise<Pick<Passkey, "id" | "publicKey" | "counter" | "transports"> | undefined>;
  readonly signInOptions: (challenge: string) => Promise<Json>;
  readonly assertionOf: (response: Json) => Assertion | undefined;
  /** The new counter, if the passkey signed this. */
  readonly verifySignIn: (
    response: Json,
    challenge: string,
    passkey: Passkey,
  ) => Promise<{ readonly counter: number } | undefined>;
};
