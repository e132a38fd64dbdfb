import type { CivilDate } from "#kernel/civil-date.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Accounts } from "../application/ports/accounts.ts";
import { isMirror, type Account, type Elsewhere, type Funded } from "../domain/account.ts";
import type { AccountType } from "../domain/account-type.ts";
import type { CurrencyPair } from "../domain/currency-pair.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { AccountId, OwnerId } from "../domain/ids.ts";
import type { AccountName, Mask } from "../domain/labels.ts";
import type { ExternalId } from "../domain/observation.ts";
import type { ProviderId } from "../domain/provider.ts";

type Row = {
  readonly id: string;
  readonly owner_id: string | null;
  readonly name: string;
  readonly type: AccountType;
  readonly currency: string;
  readonly status: Account["status"];
  readonly overdraft: string | null;
  readonly mask: string | null;
  readonly pair: string | null;
  readonly provider: string | null;
  readonly external_id: string | null;
  readonly outside_id: string | null;
  readonly agreed_until: string | null;
  readonly opened_at: Instant;
  readonly version: number;
  readonly posted: string;
  readonly held: string;
};
const facts =
  "id, owner_id, name, type, currency, status, overdraft, mask, pair, opened_at, version, provider, external_id, outside_id, agreed_until";
const columns = `id, owner_id, name, type, currency, status, overdraft::text as overdraft, mask, pair,
  opened_at, version, provider, external_id, outside_id, agreed_until::text as agreed_until, posted::text as posted, held::text as held`;

const byIds = statement<Row>(
  "accounts.accounts-by-ids",
  `select ${columns} from accounts.accounts where id = any($1::text[])`,
);
const trading = statement<Row>(
  "accounts.accounts-of-pair",
  `select ${columns} from accounts.accounts where pair = $1`,
);
const page = statement<Row>(
  "accounts.account-page",
  `select ${columns} from accounts.accounts
    where id > $1 and ($2::text is null or status = $2) order by id limit $3`,
);
const pageOfOwner = statement<Row>(
  "accounts.account-page-of-owner",
  `select ${columns} from accounts.accounts
    where owner_id = $4 and id > $1 and ($2::text is null or status = $2) order by id limit $3`,
);
const mirroring = statement<Row>(
  "accounts.account-mirroring",
  `select ${columns} from accounts.accounts
    where owner_id = $1 and provider = $2 and external_id = $3 and currency = $4`,
);
const followed = statement<Row & { readonly movements: number }>(
  "accounts.accounts-followed",
  `select ${columns}, movements from accounts.accounts where owner_id = $1 order by id limit $2`,
);
const worth = statement<{
  readonly currency: string;
  readonly posted: string;
  readonly accounts: number;
}>(
  "accounts.worth-of-owner",
  `select currency, sum(posted)::text as posted, count(*)::int as accounts
     from accounts.accounts where owner_id = $1 and status = 'active' group by currency order by currency`,
);
/** Its money is moved by the journal alone. */
const upsert = mutation(
  "accounts.account-upsert",
  "accounts",
  `insert into accounts.accounts (${facts}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
   on conflict (id) do update set name = excluded.name, status = excluded.status,
     overdraft = excluded.overdraft, mask = excluded.mask, agreed_until = excluded.agreed_until, version = excluded.version`,
);

const toFunded = (row: Row): Funded => ({
  id: row.id as AccountId,
  ...(row.owner_id === null ? {} : { ownerId: row.owner_id as OwnerId }),
  name: row.name as AccountName,
  type: row.type,
  currency: row.currency as Currency,
  status: row.status,
  ...(row.overdraft === null ? {} : { overdraft: BigInt(row.overdraft) }),
  ...(row.mask === null ? {} : { mask: row.mask as Mask }),
  ...(row.pair === null ? {} : { pair: row.pair as CurrencyPair }),
  ...(row.provider === null ? {} : { elsewhere: elsewhereOf(row, row.provider) }),
  ...(row.agreed_until === null ? {} : { agreedUntil: row.agreed_until as CivilDate }),
  openedAt: row.opened_at,
  version: row.version as Version,
  posted: BigInt(row.posted),
  held: BigInt(row.held),
});

const elsewhereOf = (
  { external_id: externalId, outside_id }: Row,
  provider: string,
): Elsewhere => ({
  provider: provider as ProviderId,
  ...(externalId === null ? {} : { externalId: externalId as ExternalId }),
  outsideId: outside_id as AccountId,
});

export const postgresAccounts = ({ read, write, append }: Transaction): Accounts => ({
  async byId(id) {
    const [row] = await read(byIds, [[id]]);
    return row && toFunded(row);
  },
  async byIds(ids) {
    const rows = await read(byIds, [ids]);
    return new Map(rows.map((row) => [row.id as AccountId, toFunded(row)]));
  },
  async trading(pair) {
    const rows = await read(trading, [pair]);
    return new Map(rows.map((row) => [row.currency as Currency, toFunded(row)]));
  },
  async mirroring({ ownerId, provider, externalId, currency }) {
    const [row] = await read(mirroring, [ownerId, provider, externalId, currency]);
    const account = row && toFunded(row);
    return isMirror(account) ? account : undefined;
  },
  worth: async (ownerId) =>
    (await read(worth, [ownerId])).map(({ currency, posted, accounts }) => ({
      amount: Money.of(BigInt(posted), currency as Currency),
      accounts,
    })),
  followed: async (ownerId, limit) =>
    (await read(followed, [ownerId, limit])).map((row) => ({
      ...toFunded(row),
      movements: row.movements,
    })),
  async page({ ownerId, status, after, limit }) {
    const values = [after ?? "", status ?? null, limit];
    const rows =
      ownerId === undefined
        ? await read(page, values)
        : await read(pageOfOwner, [...values, ownerId]);
    return rows.map(toFunded);
  },
  save: saving<Account, AccountsEvent>(append, idOf, (account) =>
    write(upsert, [
      account.id,
      account.ownerId ?? null,
      account.name,
      account.type,
      account.currency,
      account.status,
      account.overdraft ?? null,
      account.mask ?? null,
      account.pair ?? null,
      account.openedAt,
      account.version,
      account.elsewhere?.provider ?? null,
      account.elsewhere?.externalId ?? null,
      account.elsewhere?.outsideId ?? null,
      account.agreedUntil ?? null,
    ]),
  ),
});
