import { identifier, type Id } from "#kernel/id.ts";
import type { UserId } from "./user-id.ts";

export type SessionId = Id<"session">;
export const SessionId = identifier<SessionId>("session");

export type ApiKeyId = Id<"key">;
export const ApiKeyId = identifier<ApiKeyId>("key");

/** The id of a user's credentials, derived from the user's id. */
export type CredentialsId = Id<"credentials">;
const credentialsId = identifier<CredentialsId>("credentials");
export const CredentialsId = {
  ...credentialsId,
  of: (userId: UserId) => userId.replace(/^user_/, "credentials_") as CredentialsId,
};

/** The id of a request for an email. */
export type RequestId = Id<"request">;
export const RequestId = identifier<RequestId>("request");
