import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import { Permission } from "../domain/role.ts";
import type { AuditEntries, AuditRecord, Forbidden, MayAct } from "./ports.ts";

export const maxAuditPage = 200;
const defaultPageSize = 50;

const text = branded<string>("text", { schema: { type: "string", minLength: 1, maxLength: 254 } });
type Count = Brand<number, "Count">;
const count = (name: string, maximum: number) =>
  branded<Count>(name, { schema: { type: "integer", minimum: 1, maximum } });

/** `cursor`: the position of the last entry of the page before. */
export const ListAudit = shape({
  actor: optional(text),
  target: optional(text),
  operation: optional(text),
  outcome: optional(text),
  from: optional(Instant),
  until: optional(Instant),
  limit: optional(count("page size", maxAuditPage)),
  cursor: optional(count("cursor", Number.MAX_SAFE_INTEGER)),
});
export type ListAudit = Infer<typeof ListAudit>;

export type AuditPage = {
  readonly items: readonly AuditRecord[];
  /** Where the next page starts; missing on the last one. */
  readonly nextCursor?: number;
};

type Deps = { readonly auditEntries: AuditEntries; readonly mayAct: MayAct };

/** Who did what, the newest first. */
export function listAudit({ auditEntries, mayAct }: Deps) {
  return async (
    { limit = defaultPageSize as Count, cursor, ...filter }: ListAudit,
    context: Context,
  ): Promise<Result<AuditPage, Forbidden>> => {
    const allowed = await mayAct(context, Permission.readAudit);
    if (!allowed.ok) return allowed;
    const found = await auditEntries(filter, { before: cursor, limit: limit + 1 });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return ok(found.length > limit && last ? { items, nextCursor: last.position } : { items });
  };
}
