import { Instant } from "#kernel/instant.ts";
import { ApiKey } from "../domain/api-key.ts";
import type { EndReason } from "../domain/factor.ts";
import { Session } from "../domain/session.ts";
import { UserId } from "../domain/user-id.ts";
import type { ApiKeys, Sessions } from "./ports.ts";

/** Ends all sessions of a user, except perhaps the one that asks for it. */
export async function endAll(
  sessions: Sessions,
  userId: UserId,
  {
    at,
    why,
    except,
  }: { readonly at: Instant; readonly why: EndReason; readonly except?: string | undefined },
): Promise<void> {
  for (const session of await sessions.ofUser(userId))
    if (session.id !== except) sessions.save(Session.end(session, at, why));
}

/** Revokes all keys of a user. */
export async function revokeAll(apiKeys: ApiKeys, userId: UserId, at: Instant): Promise<void> {
  for (const key of await apiKeys.ofUser(userId)) apiKeys.save(ApiKey.revoke(key, at));
}
