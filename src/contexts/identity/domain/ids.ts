import { identifier, type Id } from "#kernel/id.ts";
import type { UserId } from "./user-id.ts";

export type SessionId = Id<"session">;
export const SessionId = identifier<SessionId>("session");

export type ApiKeyId = Id<"key">;
export const ApiKeyId = identifier<ApiKeyId>("key");

/** Of what a user shows to be themselves: one for each, told from theirs. */
export type CredentialsId = Id<"credentials">;
const credentialsId = identifier<CredentialsId>("credentials");
export const CredentialsId = {
  ...credentialsId,
  of: (userId: UserId) => userId.replace(/^user_/, "credentials_") as CredentialsId,
};

/** Of somebody's wish to get an email, whoever they are. */
export type RequestId = Id<"request">;
export const RequestId = identifier<RequestId>("request");
