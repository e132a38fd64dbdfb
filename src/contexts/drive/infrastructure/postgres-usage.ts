import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Usage } from "../application/ports/usage.ts";

const usage = statement<{ readonly used: number; readonly added: number }>(
  "drive.usage",
  `select coalesce((select sum(bytes) from drive.usage where owner_id = $1), 0)::bigint as used,
          coalesce((select sum(c.size)
             from (select distinct on (hash) hash, size from unnest($2::text[], $3::bigint[]) as c(hash, size)) c
            where not exists (select from drive.contents k where k.space_id = $4 and k.hash = c.hash)), 0)::bigint as added`,
);
const holdQuota = mutation(
  "drive.quota-hold",
  inTurn,
  "select drive.hold_quota($1, $2::bigint, $3::bigint)",
);

export const postgresUsage = ({ read, write }: Transaction): Usage => ({
  async of(ownerId, wanted) {
    const contents = wanted?.contents ?? [];
    const [row] = await read(usage, [
      ownerId,
      contents.map(({ hash }) => hash),
      contents.map(({ size }) => size),
      wanted?.spaceId ?? "",
    ]);
    return { usedBytes: row?.used ?? 0, newBytes: row?.added ?? 0 };
  },
  claim: (ownerId, { quotaBytes, newBytes }) => write(holdQuota, [ownerId, quotaBytes, newBytes]),
});
