import { entryOf, type Audit, type AuditRecord } from "#kernel/audit.ts";
import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { ApiKey } from "../../domain/api-key.ts";
import type { Credentials } from "../../domain/credentials.ts";
import type { LiveSession } from "../../domain/session.ts";
import { User, type PresentUser, type UserNotFound } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { Permissions } from "../permission.ts";
import type { IdentityScope } from "../ports.ts";

export const ExportPersonalData = shape({ userId: UserId });
export type ExportPersonalData = Infer<typeof ExportPersonalData>;

/** All that identity knows of a person. `audit`: what they did, the newest first. */
export type PersonalDataExport = {
  readonly user: PresentUser;
  readonly credentials: Credentials;
  readonly sessions: readonly LiveSession[];
  readonly apiKeys: readonly ApiKey[];
  readonly audit: readonly AuditRecord[];
};

/** Audit entries of one export; an administrator finds older ones in the audit. */
export const maxExportedEntries = 10_000;

type Deps = {
  readonly read: Read<IdentityScope>;
  readonly mayAct: MayAct;
  readonly audit: Pick<Audit, "page" | "enter">;
};

/** Exports the personal data of a user. The audit records an export by anybody else than the user. */
export function exportPersonalData({ read, mayAct, audit }: Deps) {
  return async (
    { userId }: ExportPersonalData,
    context: Context,
  ): Promise<Result<PersonalDataExport, UserNotFound | Forbidden>> => {
    const allowed = await mayAct(context, Permissions.exportUser, { owner: userId });
    if (!allowed.ok) return allowed;
    const entries = await audit.page({ actor: userId }, { limit: maxExportedEntries });
    const isOwn = context.actor === userId;
    if (!isOwn) await audit.enter(entryOf(context, { outcome: "ok", targets: [userId] }));
    return read(context, async ({ users, credentials, sessions, apiKeys }) => {
      const user = User.present(await users.byId(userId));
      if (!user.ok) return user;
      return ok({
        user: user.value,
        credentials: await credentials.byUser(userId),
        sessions: await sessions.ofUser(userId),
        apiKeys: await apiKeys.ofUser(userId),
        audit: entries,
      });
    });
  };
}
