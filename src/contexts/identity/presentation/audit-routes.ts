import { text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { branded, list, optional, named, shape, type Infer } from "#kernel/shape.ts";
import { get, type Route } from "#platform/http/route.ts";
import { ListAudit, AuditPageSize } from "../application/access/list-audit.ts";
import type { AuditRecord } from "#kernel/audit.ts";
import type { Identity } from "../index.ts";

const Text = text(2_000);
const position = branded<number>("position", { schema: { type: "integer", minimum: 1 } });
const maxTargets = 1_000;

export const AuditRecordView = named(
  "AuditRecord",
  shape({
    position,
    at: Instant,
    actor: Text,
    credential: optional(Text),
    operation: Text,
    outcome: Text,
    targets: list(Text, maxTargets),
    address: optional(Text),
    agent: optional(Text),
    correlationId: Text,
  }),
);
const AuditPageView = named(
  "AuditPage",
  shape({
    items: list(AuditRecordView, AuditPageSize.most),
    nextCursor: optional(position),
  }),
);

export const toAuditRecord = ({
  origin,
  ...record
}: AuditRecord): Infer<typeof AuditRecordView> => ({
  ...record,
  ...origin,
});

export const auditRoutes = (identity: Identity): readonly Route[] => [
  get("/audit", {
    access: "signed-in",
    id: "listAuditEntries",
    summary: "List audit entries",
    description: "Audit entries of all contexts, newest first, including denied attempts.",
    input: ListAudit,
    handle: identity.listAudit,
    success: 200,
    output: AuditPageView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toAuditRecord) }),
    refusals: { forbidden: 403 },
  }),
];
