import type { CivilDate } from "#kernel/civil-date.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type SpelledMoney } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Transfers } from "../application/ports/transfers.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { AccountId, EntryId, TransferId } from "../domain/ids.ts";
import type { Memo, Tag } from "../domain/labels.ts";
import type { Leg, Transfer } from "../domain/transfer.ts";

type SpelledLeg = {
  readonly from: AccountId;
  readonly to: AccountId;
  readonly amount: SpelledMoney;
};
type Row = {
  readonly id: string;
  readonly status: Transfer["status"];
  readonly legs: readonly SpelledLeg[];
  readonly moved: readonly SpelledLeg[] | null;
  readonly memo: string | null;
  readonly tags: readonly string[];
  readonly made_by: string;
  readonly hold_s: number | null;
  readonly dated: string | null;
  readonly expires_at: Instant | null;
  readonly entry_id: string | null;
  readonly version: number;
};
const facts = "id, status, legs, moved, memo, tags, made_by, hold_s, expires_at, entry_id, version";

const byId = statement<Row>(
  "accounts.transfer-by-id",
  `select ${facts}, dated::text as dated from accounts.transfers where id = $1`,
);
const expired = statement<{ readonly id: string }>(
  "accounts.transfers-expired",
  `select id from accounts.transfers where status = 'pending' and expires_at <= $1
    order by expires_at limit $2`,
);
/** The last movement of a transfer: of its entry, of what was freed, or of what is still held. */
const touching = statement<Row & { readonly sequence: number }>(
  "accounts.transfers-touching",
  `select m.sequence, ${facts
    .split(", ")
    .map((column) => `t.${column}`)
    .join(", ")}, t.dated::text as dated
     from accounts.movements m join accounts.transfers t on t.id = m.transfer_id
    where m.account_id = $1 and m.sequence < $2 and m.transfer_id is not null
      and (m.entry_id is not null or t.status = 'pending' or (t.status in ('voided', 'expired') and m.held < 0))
      and ($3::text is null or t.status = $3)
    order by m.sequence desc limit $4`,
);
const upsert = mutation(
  "accounts.transfer-upsert",
  "transfers",
  `insert into accounts.transfers (${facts}, dated)
   values ($1, $2, $3::jsonb, $4::jsonb, $5, $6, $7, $8, $9, $10, $11, $12::date)
   on conflict (id) do update set status = excluded.status, moved = excluded.moved,
     expires_at = excluded.expires_at, entry_id = excluded.entry_id, version = excluded.version`,
);

const spell = (legs: readonly Leg[]) =>
  JSON.stringify(legs.map(({ amount, ...leg }) => ({ ...leg, amount: Money.spell(amount) })));
const read = (legs: readonly SpelledLeg[]): readonly Leg[] =>
  legs.map(({ from, to, amount }) => ({ from, to, amount: expect(Money.parse(amount)) }));

function toTransfer(row: Row): Transfer {
  const made = {
    id: row.id as TransferId,
    legs: read(row.legs),
    ...(row.memo === null ? {} : { memo: row.memo as Memo }),
    tags: row.tags as readonly Tag[],
    madeBy: row.made_by,
    ...(row.hold_s === null ? {} : { holdS: row.hold_s }),
    ...(row.dated === null ? {} : { date: row.dated as CivilDate }),
    version: row.version as Version,
  };
  if (row.status === "pending")
    return { ...made, status: row.status, expiresAt: row.expires_at as Instant };
  if (row.status === "posted")
    return {
      ...made,
      status: row.status,
      moved: read(row.moved ?? row.legs),
      entryId: row.entry_id as EntryId,
    };
  return { ...made, status: row.status };
}

export const postgresTransfers = ({ read: ask, write, append }: Transaction): Transfers => ({
  async byId(id) {
    const [row] = await ask(byId, [id]);
    return row && toTransfer(row);
  },
  touching: async ({ accountId, status, before = Number.MAX_SAFE_INTEGER, limit }) =>
    (await ask(touching, [accountId, before, status ?? null, limit])).map((row) => ({
      sequence: row.sequence,
      transfer: toTransfer(row),
    })),
  expired: async (now, limit) =>
    (await ask(expired, [now, limit])).map(({ id }) => id as TransferId),
  save: saving<Transfer, AccountsEvent>(append, idOf, (transfer) =>
    write(upsert, [
      transfer.id,
      transfer.status,
      spell(transfer.legs),
      transfer.status === "posted" ? spell(transfer.moved) : null,
      transfer.memo ?? null,
      transfer.tags,
      transfer.madeBy,
      transfer.holdS ?? null,
      transfer.status === "pending" ? transfer.expiresAt : null,
      transfer.status === "posted" ? transfer.entryId : null,
      transfer.version,
      transfer.date ?? null,
    ]),
  ),
});
