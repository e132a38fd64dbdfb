import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { ok } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { IdentityScope, Passwords } from "../application/ports.ts";
import { Email } from "../domain/email.ts";
import type { Password, PasswordHash } from "../domain/password.ts";
import { UserId } from "../domain/user-id.ts";
import type { Addresses, IdentityProvides, SlowHashes } from "../index.ts";

const slowHashes = ({ hash, verify }: Passwords): SlowHashes => ({
  hash: (text) => hash(text as Password),
  async matches(text, known) {
    const verdict = await verify(text as Password, async () => known as PasswordHash);
    return verdict.ok ? ok(verdict.value.matches) : verdict;
  },
});

/** How long another context waits for an address. */
const addressWithinMs = 5_000;

type Reading = { readonly read: Read<IdentityScope>; readonly clock: Clock };

const addresses = ({ read, clock }: Reading): Addresses => ({
  canonical(typed) {
    const email = Email.parse(typed);
    return email.ok ? email.value : undefined;
  },
  async verifiedOf(id) {
    const userId = UserId.parse(id);
    if (!userId.ok) return undefined;
    const deadlineMs = clock.unixMs() + addressWithinMs;
    const context = { actor: "system", correlationId: "address", deadlineMs };
    const user = await read(context, ({ users }) => users.byId(userId.value));
    return user?.status === "active" && user.isEmailVerified ? user.email : undefined;
  },
});

type Deps = Reading & { readonly mayAct: MayAct; readonly passwords: Passwords };

/** What identity gives to other contexts. */
export const provides = (deps: Deps): IdentityProvides => ({
  mayAct: deps.mayAct,
  slowHashes: slowHashes(deps.passwords),
  addresses: addresses(deps),
});
