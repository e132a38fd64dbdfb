import type { Clock } from "#kernel/instant.ts";
import { ok } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { IdentityScope, Passwords } from "../application/ports.ts";
import { Email } from "../domain/email.ts";
import type { Password, PasswordHash } from "../domain/password.ts";
import { UserId } from "../domain/user-id.ts";

/** Hashes that are none of users, in the queue of theirs. */
export const slowHashes = ({ hash, verify }: Passwords) => ({
  hash: (text: string) => hash(text as Password),
  async matches(text: string, known: string) {
    const verdict = await verify(text as Password, async () => known as PasswordHash);
    return verdict.ok ? ok(verdict.value.matches) : verdict;
  },
});

/** How long another context waits for an address. */
const addressWithinMs = 5_000;

type Reading = { readonly read: Read<IdentityScope>; readonly clock: Clock };

/** The email addresses of users. */
export const addresses = ({ read, clock }: Reading) => ({
  canonical(typed: string) {
    const email = Email.parse(typed);
    return email.ok ? email.value : undefined;
  },
  async verifiedOf(id: string) {
    const userId = UserId.parse(id);
    if (!userId.ok) return undefined;
    const deadlineMs = clock.unixMs() + addressWithinMs;
    const context = { actor: "system", correlationId: "address", deadlineMs };
    const user = await read(context, ({ users }) => users.byId(userId.value));
    return user?.status === "active" && user.isEmailVerified ? user.email : undefined;
  },
});
