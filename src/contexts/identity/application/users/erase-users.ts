import type { Audit } from "#kernel/audit.ts";
import type { Context } from "#kernel/context.ts";
import { eachDue, type Done, type Slice } from "#kernel/each-due.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { User, type DeletedUser } from "../../domain/user.ts";
import type { IdentityScope } from "../ports.ts";

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly audit: Pick<Audit, "erase">;
  readonly clock: Clock;
  /** How long a deleted user is kept. */
  readonly eraseAfterMs: number;
};

/**
 * Erases what is known of users who were deleted long enough ago: rows, fields of events, and what is personal in
 * the audit. One that fails does not stop the others.
 */
export function eraseUsers({ unitOfWork, read, audit, clock, eraseAfterMs }: Deps) {
  return async ({ stopping }: Slice, context: Context): Promise<Result<Done, never>> => {
    const before = Instant.plus(clock.now(), -eraseAfterMs);
    const erase = async ({ id }: DeletedUser) => {
      const emails = await read(context, ({ personalData }) => personalData.emailsOf(id));
      await audit.erase({ actor: id, emails });
      return unitOfWork(context, async ({ users, personalData }) => {
        const user = await users.byId(id);
        if (user?.status !== "deleted" || user.erasedAt !== undefined) return ok(undefined);
        await personalData.erase(id);
        users.save(User.erase(user, clock.now()));
        return ok(undefined);
      });
    };
    const find = (limit: number) => read(context, ({ users }) => users.toErase(before, limit));
    return ok(await eachDue({ find, keyOf: ({ id }) => id, act: erase, stopping }));
  };
}
