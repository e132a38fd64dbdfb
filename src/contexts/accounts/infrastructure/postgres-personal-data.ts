import { redactIn } from "#platform/events/redact.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { PersonalData } from "../application/ports/personal-data.ts";
import { erased } from "../domain/labels.ts";

type TouchedRow = {
  readonly id: string;
  readonly transfers: readonly string[];
  readonly entries: readonly string[];
};
/** The accounts of an owner, with the transfers and entries that have touched them. */
const touched = statement<TouchedRow>(
  "accounts.touched-of-owner",
  `select a.id,
          array(select distinct transfer_id from accounts.movements
                 where account_id = a.id and transfer_id is not null) as transfers,
          array(select distinct entry_id from accounts.movements
                 where account_id = a.id and entry_id is not null) as entries
     from accounts.accounts a where a.owner_id = $1`,
);
const redact = redactIn("accounts");
const erasures = [
  mutation(
    "accounts.erase-accounts",
    "accounts",
    `update accounts.accounts set name = '${erased.name}', external_id = null,
        mask = case when mask is not null then '${erased.mask}' end
      where id = any($1::text[])`,
  ),
  mutation(
    "accounts.erase-transfers",
    "transfers",
    `update accounts.transfers set memo = '${erased.memo}' where id = any($1::text[]) and memo is not null`,
  ),
  mutation(
    "accounts.erase-entries",
    "entries",
    `update accounts.entries set memo = '${erased.memo}' where id = any($1::text[]) and memo is not null`,
  ),
] as const;
/** What providers told, and how: credentials, rows of files, names on lines, and what accounts are called elsewhere. */
const told = [
  mutation(
    "accounts.erase-connections",
    "connections",
    "delete from accounts.connections where owner_id = $1",
  ),
  mutation("accounts.erase-syncs", "syncs", "delete from accounts.syncs where owner_id = $1"),
  mutation(
    "accounts.erase-holdings",
    "holdings",
    `delete from accounts.holdings
      where account_id in (select id from accounts.accounts where owner_id = $1)`,
  ),
  mutation(
    "accounts.erase-observations",
    "observations",
    `delete from accounts.observations where import_id in (
       select id from accounts.statement_imports where owner_id = $1)`,
  ),
  mutation(
    "accounts.erase-lines",
    "lines",
    `update accounts.lines set counterparty = null, remark = null, external_id = null
      where account_id in (select id from accounts.accounts where owner_id = $1)`,
  ),
  mutation(
    "accounts.erase-imports",
    "statement_imports",
    `update accounts.statement_imports set statements = '[]' where owner_id = $1`,
  ),
  mutation(
    "accounts.erase-unfinished-imports",
    inTurn,
    `delete from accounts.statement_imports
      where owner_id = $1 and status not in ('finished', 'undone')`,
  ),
] as const;

/**
 * A batch of rows that another process settles now is kept first, or not at all: it changes its import, too. What it has made is erased then.
 */
const lockImports = statement<{ readonly id: string }>(
  "accounts.lock-imports-of-owner",
  `select id from accounts.statement_imports where owner_id = $1 for update`,
);

export const postgresPersonalData = ({ read, write }: Transaction): PersonalData => ({
  async erase(ownerId) {
    await read(lockImports, [ownerId]);
    const found = await read(touched, [ownerId]);
    const ids = [
      found.map(({ id }) => id),
      found.flatMap(({ transfers }) => transfers),
      found.flatMap(({ entries }) => entries),
    ] as const;
    for (const [i, erasure] of erasures.entries()) write(erasure, [ids[i] ?? []]);
    for (const erasure of told) write(erasure, [ownerId]);
    write(redact, [ids.flat(), JSON.stringify(erased)]);
  },
});
