import { createHash } from "node:crypto";
import type { Logger } from "pino";
import type { Instant } from "#kernel/instant.ts";
import { statement, type Database, type Parameter } from "../postgres/database.ts";
import { mutation, type Write } from "../postgres/writes.ts";
import { every } from "../scheduler/every.ts";
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
const isWaiting = statement(
  "audit.is-waiting",
  `select where (select max(position) from audit.entries) > $1
             or exists (select from audit.entries where position = any($2::bigint[]))`,
);
/** Those without a link have a text. The limit keeps the planner from reading the whole chain. */
const take = statement<{ position: number; text: string | null }>(
  "audit.take",
  `select e.position, case when c.position is null then ${canonical} end as text
     from (select * from audit.entries where position = any($2::bigint[])
           union all
           (select * from audit.entries where position > $1 order by position limit ${batch})) e
     left join lateral
       (select position from audit.chain where position = e.position limit 1) c on true
    order by e.position`,
);
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
 * Positions are drawn before the commit: a transaction may hold some below those that are seen.
 * When a process begins, it looks for such among so many.
 */
const reach = 100_000;
/** Longer than any transaction lives: a position that was not seen until then was given up. */
const settledAfterMs = 60_000;

/** What has been seen of the entries: all up to a position, but for the gaps. */
class Tail {
  #seen: number;
  /** Position → when it was missed, in ms of the process's clock. */
  readonly #gaps = new Map<number, number>();

  constructor(seen: number) {
    this.#seen = seen;
  }

  get key(): readonly [number, readonly number[]] {
    return [this.#seen, [...this.#gaps.keys()]];
  }

  see(positions: readonly number[]): void {
    const nowMs = performance.now();
    for (const position of positions) {
      this.#gaps.delete(position);
      for (let gap = Math.max(this.#seen + 1, position - reach); gap < position; gap += 1)
        this.#gaps.set(gap, nowMs);
      this.#seen = Math.max(this.#seen, position);
    }
    for (const [gap, missedAtMs] of this.#gaps) {
      if (nowMs - missedAtMs < settledAfterMs) break; // the later ones are younger
      this.#gaps.delete(gap);
    }
  }
}

async function tailOf(database: Database): Promise<Tail> {
  const [newest] = await database.query(newestLinked, []);
  return new Tail(Math.max(0, (newest?.position ?? 0) - reach));
}

/** Closes the chain over all entries that have none, and answers how many there were. */
export async function chainEntries(database: Database, known?: Tail): Promise<number> {
  const tail = known ?? (await tailOf(database));
  let total = 0;
  while ((await database.query(isWaiting, tail.key)).length > 0) {
    const entries = await database.session(async (session) => {
      await session.run("begin isolation level read committed");
      await session.query(lock, []);
      const [last] = await session.query(head, []);
      const taken = await session.query(take, tail.key);
      const loose = taken.flatMap(({ position, text }) =>
        text === null ? [] : { position, text },
      );
      let hash: Uint8Array = last?.hash ?? start;
      const hashes = loose.map(({ text }) => (hash = linkOf(hash, text)));
      const spelt = hashes.map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`);
      const positions = loose.map(({ position }) => position);
      await session.query(link, [last?.number ?? 0, positions, spelt]);
      await session.commit();
      total += loose.length;
      return taken;
    });
    tail.see(entries.map(({ position }) => position));
  }
  return total;
}

const chainEveryMs = 1_000;

/** Closes the chain about every second, and a last time at the end. */
export function keepChained(database: Database, log: Logger): AsyncDisposable {
  let tail: Tail | undefined;
  return every({
    ...{ name: "audit.chain", everyMs: chainEveryMs, log, atTheEndToo: true },
    async work() {
      tail ??= await tailOf(database);
      await chainEntries(database, tail);
    },
  });
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
const unlinked = statement<{ position: number }>(
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
  const [outside] = await database.query(unlinked, []);
  if (outside)
    return { intact: false, link: 0, position: outside.position, why: "an entry has no link" };
  return { intact: true, links: number, head: Buffer.from(hash).toString("hex") };
}
