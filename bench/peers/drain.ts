// What the queues share: where they work, what there is to do, and how that is timed.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const connection = JSON.parse(process.env["BENCH_CONNECTION"] ?? "{}") as pg.PoolConfig;
const { user = "", password = "", host = "", port = 0, database = "" } = connection;
export const connectionString = `postgres://${user}:${encodeURIComponent(String(password))}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;

export const pool = new pg.Pool({ ...connection, max: 4 });
const named = (prefix: string, length: number) =>
  Array.from({ length }, (_, i) => `${prefix}_${i}`);
const jobs = named("job", Number(process.env["BENCH_JOBS"]));
const warmUp = named("warm", 5_000);

/** An effect per job, as Basalt's consumer keeps it. */
export async function makeEffects(): Promise<void> {
  await pool.query(`create schema peers`);
  await pool.query(
    `create table peers.effects (event_id text collate "C" primary key, parcel_id text not null)`,
  );
}

type Stop = () => Promise<unknown>;

/** Works off a few jobs, so that all is loaded and compiled; then enqueues many, and times those. */
export async function measure(
  enqueue: (ids: readonly string[]) => Promise<unknown>,
  begin: () => Promise<Stop>,
): Promise<void> {
  const workOff = async (ids: readonly string[], kept: number) => {
    await enqueue(ids);
    await pool.query("analyze"); // as Postgres would know after a while what there is
    const startedAt = performance.now();
    const stop = await begin();
    await drained(kept);
    const perSecond = ids.length / ((performance.now() - startedAt) / 1000);
    await stop();
    return perSecond;
  };
  await workOff(warmUp, warmUp.length);
  const perSecond = await workOff(jobs, warmUp.length + jobs.length);
  console.log(JSON.stringify({ perSecond }));
}

async function drained(wanted: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query("select count(*)::int as n from peers.effects");
    if (rows[0]?.n === wanted) return;
    await sleep(20);
  }
}
