import { text } from "#kernel/scalars.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import { ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Audit, AuditRecord } from "#kernel/audit.ts";

export const AuditPageSize = pageSize({ usual: 50, most: 200 });

const Text = text(254, 1);
type Position = Brand<number, "Position">;
const Position = branded<Position>("position", {
  schema: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
});

/** `cursor`: the position of the last entry of the page before. */
export const ListAudit = shape({
  actor: optional(Text),
  target: optional(Text),
  operation: optional(Text),
  outcome: optional(Text),
  from: optional(Instant),
  until: optional(Instant),
  limit: optional(AuditPageSize),
  cursor: optional(Position),
});
export type ListAudit = Infer<typeof ListAudit>;

export type AuditPage = Page<AuditRecord, number>;

type Deps = { readonly audit: Audit; readonly mayAct: MayAct };

/** Lists audit entries, newest first. */
export function listAudit({ audit, mayAct }: Deps) {
  return async (
    { limit = AuditPageSize.usual, cursor, ...filter }: ListAudit,
    context: Context,
  ): Promise<Result<AuditPage, Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readAudit);
    if (!allowed.ok) return allowed;
    const found = await audit.page(filter, { before: cursor, limit: limit + 1 });
    return ok(pageOf(found, limit, ({ position }) => position));
  };
}
