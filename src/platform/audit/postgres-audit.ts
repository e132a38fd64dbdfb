import type { Instant } from "#kernel/instant.ts";
import type { LogHealth } from "../events/health.ts";
import { statement, type Database, type Parameter } from "../postgres/database.ts";
import { checkedLinks, type Link } from "../postgres/hash-chain.ts";
import { mutation, type Write } from "../postgres/writes.ts";
import type { Job } from "../scheduler/jobs.ts";
import type { Audit, AuditAddition, AuditRecord } from "#kernel/audit.ts";

const insert = mutation(
  "audit.entry-insert",
  "audit.entries",
  `insert into audit.entries
     (at, actor, credential, operation, outcome, targets, address, agent, correlation_id)
   values (now(), $1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** The write that enters an audit entry in the transaction that it records. The database sets its time. */
export const auditWrite = (entry: AuditAddition): Write => ({
  mutation: insert,
  values: [
    entry.actor,
    entry.credential ?? null,
    entry.operation,
    entry.outcome,
    entry.targets,
    entry.origin?.address ?? null,
    entry.origin?.agent ?? null,
    entry.correlationId,
  ],
});

type EntryRow = {
  readonly position: number;
  readonly at: Instant;
  readonly actor: string;
  readonly credential: string | null;
  readonly operation: string;
  readonly outcome: string;
  readonly targets: readonly string[];
  readonly address: string | null;
  readonly agent: string | null;
  readonly correlation_id: string;
};

/** Without a name it is planned anew for each filter: a plan for all would read everything. */
const page = statement<EntryRow>(
  "",
  `select position, at, actor, credential, operation, outcome,
          targets || coalesce(emails, '{}') as targets, address, agent, correlation_id
     from audit.entries
    where ($1::bigint is null or position < $1)
      and ($2::text is null or actor = $2)
      and ($3::text is null or targets @> array[$3] or emails @> array[$3])
      and ($4::text is null or operation = $4)
      and ($5::text is null or outcome = $5)
      and ($6::timestamptz is null or at >= $6)
      and ($7::timestamptz is null or at < $7)
    order by position desc limit $8`,
);

const toRecord = ({ position, correlation_id, credential, address, agent, ...row }: EntryRow) =>
  ({
    ...row,
    position,
    correlationId: correlation_id,
    ...(credential === null ? {} : { credential }),
    ...(address === null ? {} : { origin: { address, agent: agent ?? "" } }),
  }) satisfies AuditRecord;

const erase = statement("audit.erase", "select audit.erase($1, $2)");

export const postgresAudit = (database: Database): Audit => ({
  async enter(entry) {
    const { mutation, values } = auditWrite(entry);
    await database.query(mutation, values);
  },
  async erase({ actor, emails }) {
    await database.query(erase, [actor, emails]);
  },
  async page({ actor, target, operation, outcome, from, until }, { before, limit }) {
    const filters = [actor, target, operation, outcome, from, until];
    const values: readonly Parameter[] = [before, ...filters].map((value) => value ?? null);
    return (await database.query(page, [...values, limit])).map(toRecord);
  },
});

/** Links of one transaction, as in `audit.close_chain`. */
const batch = 1_000;

const newest = statement<{ readonly entry: number; readonly linked: number }>(
  "audit.newest",
  `select coalesce((select max(position) from audit.entries), 0) as entry,
          coalesce((select max(position) from audit.chain), 0) as linked`,
);
const close = statement<{ readonly linked: number }>(
  "audit.close-chain",
  "select audit.close_chain() as linked",
);

/** Closes the chain over all entries that are final by now; answers how many it has linked. */
export async function chainEntries(database: Database): Promise<number> {
  const [top] = await database.query(newest, []);
  if (!top || top.entry <= top.linked) return 0;
  let total = 0;
  for (let linked = batch; linked === batch; total += linked)
    linked = (await database.query(close, []))[0]?.linked ?? 0;
  return total;
}

const chainEveryMs = 1_000;
const chainWithinMs = 30_000;

/** Closes the chain about every second, and a last time at the end. */
export const chaining = (database: Database): Job => ({
  name: "audit.chain",
  everyMs: chainEveryMs,
  withinMs: chainWithinMs,
  atTheEndToo: true,
  work: async () => void (await chainEntries(database)),
});

export type ChainVerdict =
  | { readonly intact: true; readonly links: number; readonly head: string }
  | {
      readonly intact: false;
      readonly link: number;
      readonly position: number;
      readonly why: string;
    };

type LinkRow = Link & {
  readonly position: number;
  /** Whether what is personal was changed; erased is not changed. */
  readonly is_forged: boolean;
};
const links = statement<LinkRow>(
  "audit.links",
  `select c.number, c.position, c.hash, case when e.position is not null then audit.canonical(e) end as text,
          coalesce(e.personal <> audit.commitment(e), false) as is_forged
     from audit.chain c left join audit.entries e using (position)
    where c.number > $1 order by c.number limit ${batch}`,
);
/** Entries below the last link were final when it was made. One without a link was inserted later. */
const unlinked = statement<{ position: number }>(
  "audit.loose",
  `select e.position from audit.entries e
    where e.position <= (select max(position) from audit.chain)
      and not exists (select from audit.chain c where c.position = e.position)
    order by e.position limit 1`,
);

/**
 * Closes the chain, recomputes it, and names its first broken link. `expected`: a head that was noted
 * elsewhere, as `number:hash`; without one, entries that were cut off at the end are not missed.
 */
export async function verifyChain(
  database: Database,
  expected?: { readonly number: number; readonly hash: string },
  onProgress: (links: number) => void = () => {},
): Promise<ChainVerdict> {
  await chainEntries(database);
  let head = { number: 0, hash: "" };
  for await (const { row, number, why } of checkedLinks(database, links)) {
    const { position } = row;
    const broken = (says: string) =>
      ({ intact: false, link: number, position, why: says }) as const;
    if (why) return broken(why);
    if (row.is_forged) return broken("its entry was changed");
    head = { number, hash: row.hash.toString("hex") };
    if (number === expected?.number && head.hash !== expected.hash)
      return broken("it is not the one that was noted");
    if (number % batch === 0) onProgress(number);
  }
  const { number } = head;
  if (expected && number < expected.number)
    return { intact: false, link: number + 1, position: 0, why: "links were cut off from here on" };
  const [outside] = await database.query(unlinked, []);
  if (outside)
    return { intact: false, link: 0, position: outside.position, why: "an entry has no link" };
  return { intact: true, links: number, head: head.hash };
}

const age = statement<{ readonly age_s: number }>(
  "audit.horizon-age",
  "select audit.horizon_age() as age_s",
);

/** How the record is doing: entries wait for the oldest transaction that adds one. */
export async function auditHealth(database: Database): Promise<LogHealth> {
  const [row] = await database.query(age, []);
  return { log: "audit", horizon_age_s: row?.age_s ?? 0, subscriptions: [] };
}
