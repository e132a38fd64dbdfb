import { createHash } from "node:crypto";
import type { Logger } from "pino";
import type { Instant } from "#kernel/instant.ts";
import { statement, type Database, type Parameter } from "../postgres/database.ts";
import { mutation, type Write } from "../postgres/writes.ts";
import type { Audit, AuditEntry, AuditRecord } from "./audit.ts";

const insert = mutation(
  "audit.entry-insert",
  "audit.entries",
  `insert into audit.entries
     (at, actor, credential, operation, outcome, targets, address, agent, correlation_id)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

/** The write that enters something together with what it records. */
export const auditWrite = (entry: AuditEntry): Write => ({
  mutation: insert,
  values: [
    ...[entry.at, entry.actor, entry.credential ?? null, entry.operation, entry.outcome],
    ...[entry.targets, entry.origin?.address ?? null, entry.origin?.agent ?? null],
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

const page = statement<EntryRow>(
  "audit.page",
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
    const { mutation: of, values } = auditWrite(entry);
    await database.query(of, values);
  },
  async page({ actor, target, operation, outcome, from, until }, { before, limit }) {
    const filters = [actor, target, operation, outcome, from, until];
    const values: readonly Parameter[] = [before, ...filters].map((value) => value ?? null);
    return (await database.query(page, [...values, limit])).map(toRecord);
  },
});

/** What a link is over, besides the link before: every column, in one spelling. */
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
const unlinked = `audit.entries e
    where e.position > $1 and not exists (select from audit.chain c where c.position = e.position)`;
const take = statement<{ position: number; text: string }>(
  "audit.take",
  `select e.position, ${canonical} as text from ${unlinked} order by e.position limit ${batch}`,
);
const isWaiting = statement("audit.is-waiting", `select from ${unlinked} limit 1`);
const newestLinked = statement<{ position: number }>(
  "audit.newest-linked",
  "select position from audit.chain order by number desc limit 1",
);
const link = statement(
  "audit.link",
  `insert into audit.chain (number, position, hash)
   select $1 + n, position, hash
     from unnest($2::bigint[], $3::bytea[]) with ordinality as link(position, hash, n)`,
);

/**
 * Positions are drawn before the commit: behind the newest link, a transaction may still hold some.
 * None lives long enough for so many others to commit meanwhile.
 */
const reach = 100_000;

/** Where to begin to look for entries without a link. */
async function floorOf(database: Database): Promise<number> {
  const [newest] = await database.query(newestLinked, []);
  return Math.max(0, (newest?.position ?? 0) - reach);
}

/** Closes the chain over all entries above a position, and answers how many there were. */
export async function chainEntries(database: Database, above?: number): Promise<number> {
  const floor = above ?? (await floorOf(database));
  let total = 0;
  while ((await database.query(isWaiting, [floor])).length > 0) {
    total += await database.session(async (session) => {
      await session.run("begin isolation level read committed");
      await session.query(lock, []);
      const [last] = await session.query(head, []);
      const entries = await session.query(take, [floor]);
      let hash: Uint8Array = last?.hash ?? start;
      const hashes = entries.map(({ text }) => (hash = linkOf(hash, text)));
      const positions = entries.map(({ position }) => position);
      const spelt = hashes.map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`);
      await session.query(link, [last?.number ?? 0, positions, spelt]);
      await session.commit();
      return entries.length;
    });
  }
  return total;
}

const chainEveryMs = 1_000;
/** Longer than any transaction lives: what was linked before is followed by nothing below it. */
const settledAfterMs = 60_000;

/** Closes the chain about every second, and a last time at the end. */
export function keepChained(database: Database, log: Logger): AsyncDisposable {
  let floor: number | undefined;
  let next = { floor: 0, atMs: 0 };
  /** The newest link of a minute ago: there is no need to look below it again. */
  async function chain(): Promise<void> {
    try {
      floor ??= await floorOf(database);
      await chainEntries(database, floor);
      if (performance.now() - next.atMs < settledAfterMs) return;
      if (next.atMs > 0) floor = next.floor;
      const [newest] = await database.query(newestLinked, []);
      next = { floor: newest?.position ?? 0, atMs: performance.now() };
    } catch (error) {
      log.warn({ error: String(error) }, "the audit could not be chained");
    }
  }
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= chain().finally(() => {
      running = undefined;
    });
  }, chainEveryMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
      await chain();
    },
  };
}

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
/** Entries of the last minute may still wait for theirs. */
const loose = statement<{ position: number }>(
  "audit.loose",
  `select e.position from audit.entries e
    where e.at < now() - interval '1 minute'
      and not exists (select from audit.chain c where c.position = e.position)
    order by e.position limit 1`,
);

/**
 * Recomputes the chain, and names its first broken link. `expected`: a head that was noted
 * elsewhere, as `number:hash`; without one, entries that were cut off at the end are not missed.
 */
export async function verifyChain(
  database: Database,
  expected?: { readonly number: number; readonly hash: string },
  onProgress: (links: number) => void = () => {},
): Promise<ChainVerdict> {
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
  const [outside] = await database.query(loose, []);
  if (outside)
    return { intact: false, link: 0, position: outside.position, why: "an entry has no link" };
  return { intact: true, links: number, head: Buffer.from(hash).toString("hex") };
}
