import { createHash } from "node:crypto";
import type { Instant } from "#kernel/instant.ts";
import type { LogHealth } from "../events/health.ts";
import { statement, type Database, type Parameter } from "../postgres/database.ts";
import { mutation, type Write } from "../postgres/writes.ts";
import type { Job } from "../scheduler/jobs.ts";
import type { Audit, AuditEntry, AuditRecord } from "#kernel/audit.ts";

const insert = mutation(
  "audit.entry-insert",
  "audit.entries",
  `insert into audit.entries
     (at, actor, credential, operation, outcome, targets, address, agent, correlation_id)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

/** The write that enters an audit entry in the transaction that it records. */
export const auditWrite = (entry: AuditEntry): Write => ({
  mutation: insert,
  values: [
    entry.at,
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
  `select position, at, actor, credential, operation, outcome, targets, address, agent,
          correlation_id
     from audit.entries
    where ($1::bigint is null or position < $1)
      and ($2::text is null or actor = $2)
      and ($3::text is null or targets @> array[$3])
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

export const postgresAudit = (database: Database): Audit => ({
  async enter(entry) {
    const { mutation, values } = auditWrite(entry);
    await database.query(mutation, values);
  },
  async page({ actor, target, operation, outcome, from, until }, { before, limit }) {
    const filters = [actor, target, operation, outcome, from, until];
    const values: readonly Parameter[] = [before, ...filters].map((value) => value ?? null);
    return (await database.query(page, [...values, limit])).map(toRecord);
  },
});

/** The text that a link covers besides the previous link: every column, in one spelling. */
const canonical = `jsonb_build_array(e.position, extract(epoch from e.at), e.actor, e.credential,
  e.operation, e.outcome, to_jsonb(e.targets), e.address, e.agent, e.correlation_id)::text`;

const linkOf = (previous: Uint8Array, text: string): Buffer =>
  createHash("sha256").update(previous).update(text).digest();

const start = new Uint8Array();
/** Links of one transaction. */
const batch = 1_000;

type Head = { readonly number: number; readonly hash: Buffer };
const head = statement<Head>(
  "audit.head",
  "select number, hash from audit.chain order by number desc limit 1",
);
const lock = statement("audit.lock", "select pg_advisory_xact_lock(hashtextextended('audit', 0))");
const horizon = statement<{ readonly horizon: number }>(
  "audit.horizon",
  "select horizon from audit.horizon()",
);
const newest = statement<{ readonly entry: number; readonly linked: number }>(
  "audit.newest",
  `select coalesce((select max(position) from audit.entries), 0) as entry,
          coalesce((select max(position) from audit.chain), 0) as linked`,
);
const take = statement<{ readonly position: number; readonly text: string }>(
  "audit.take",
  `select e.position, ${canonical} as text from audit.entries e
    where e.position > coalesce((select max(position) from audit.chain), 0) and e.position <= $1
    order by e.position limit ${batch}`,
);
const link = statement(
  "audit.link",
  `insert into audit.chain (number, position, hash)
   select $1 + n, position, hash
     from unnest($2::bigint[], $3::bytea[]) with ordinality as link(position, hash, n)`,
);

/** Closes the chain over all entries that are final by now; answers how many it has linked. */
export async function chainEntries(database: Database): Promise<number> {
  const [top] = await database.query(newest, []);
  if (!top || top.entry <= top.linked) return 0;
  const [final] = await database.query(horizon, []);
  let total = 0;
  for (let linked = batch; linked === batch; total += linked)
    linked = await linkSome(database, final?.horizon ?? 0);
  return total;
}

function linkSome(database: Database, until: number): Promise<number> {
  return database.session(async (session) => {
    await session.run("begin isolation level read committed");
    await session.query(lock, []);
    const [last] = await session.query(head, []);
    const entries = await session.query(take, [until]);
    let hash: Uint8Array = last?.hash ?? start;
    const hashes = entries.map(({ text }) => (hash = linkOf(hash, text)));
    const spelt = hashes.map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`);
    const positions = entries.map(({ position }) => position);
    await session.query(link, [last?.number ?? 0, positions, spelt]);
    await session.commit();
    return entries.length;
  });
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

type LinkRow = {
  readonly number: number;
  readonly position: number;
  readonly hash: Buffer;
  readonly text: string | null;
};
const links = statement<LinkRow>(
  "audit.links",
  `select c.number, c.position, c.hash, case when e.position is null then null else ${canonical} end as text
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
  let number = 0;
  let hash: Uint8Array = start;
  for (;;) {
    const rows = await database.query(links, [number]);
    for (const row of rows) {
      const { position } = row;
      const broken = (why: string) => ({ intact: false, link: number + 1, position, why }) as const;
      if (row.number !== number + 1) return broken("the link is missing");
      if (row.text === null) return broken("its entry is missing");
      hash = linkOf(hash, row.text);
      if (!row.hash.equals(hash)) return broken("its entry was changed");
      number += 1;
      if (number === expected?.number && row.hash.toString("hex") !== expected.hash)
        return broken("it is not the one that was noted");
    }
    onProgress(number);
    if (rows.length < batch) break;
  }
  if (expected && number < expected.number)
    return { intact: false, link: number + 1, position: 0, why: "links were cut off from here on" };
  const [outside] = await database.query(unlinked, []);
  if (outside)
    return { intact: false, link: 0, position: outside.position, why: "an entry has no link" };
  return { intact: true, links: number, head: Buffer.from(hash).toString("hex") };
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
