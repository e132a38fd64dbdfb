import type { Audit } from "#kernel/audit.ts";
import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { User } from "../../domain/user.ts";
import type { IdentityScope } from "../ports.ts";

export const EraseUsers = shape({});
export type EraseUsers = Infer<typeof EraseUsers>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly audit: Pick<Audit, "erase">;
  readonly clock: Clock;
  /** How long a deleted user is kept. */
  readonly eraseAfterMs: number;
};

/** Users of one run. */
const batch = 100;

/**
 * Erases what is known of users who were deleted long enough ago: rows, fields of events, and what is personal in
 * the audit. Answers how many.
 */
export function eraseUsers({ unitOfWork, read, audit, clock, eraseAfterMs }: Deps) {
  return async (_asked: EraseUsers, context: Context): Promise<Result<number, Conflict>> => {
    const before = Instant.plus(clock.now(), -eraseAfterMs);
    const due = await read(context, ({ users }) => users.toErase(before, batch));
    for (const { id } of due) {
      const emails = await read(context, ({ personalData }) => personalData.emailsOf(id));
      await audit.erase({ actor: id, emails });
      const outcome = await unitOfWork(context, async ({ users, personalData }) => {
        const user = await users.byId(id);
        if (user?.status !== "deleted" || user.erasedAt !== undefined) return ok(undefined);
        await personalData.erase(id);
        users.save(User.erase(user, clock.now()));
        return ok(undefined);
      });
      if (!outcome.ok) return outcome;
    }
    return ok(due.length);
  };
}
