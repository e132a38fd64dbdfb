// What the queues share: where they work, what there is to do, and when it is done.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const connection = JSON.parse(process.env["BENCH_CONNECTION"] ?? "{}") as pg.PoolConfig;
const { user = "", password = "", host = "", port = 0, database = "" } = connection;
export const connectionString = `postgres://${user}:${encodeURIComponent(String(password))}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;

export const pool = new pg.Pool({ ...connection, max: 4 });
export const jobs = Array.from({ length: Number(process.env["BENCH_JOBS"]) }, (_, i) => `job_${i}`);

/** An effect per job, as Basalt's consumer keeps it. */
export async function makeEffects(): Promise<void> {
  await pool.query(`create schema peers`);
  await pool.query(
    `create table peers.effects (event_id text collate "C" primary key, parcel_id text not null)`,
  );
}

/** Postgres knows what has been enqueued, as it would after a while. */
export const analyzed = () => pool.query("analyze");

export async function drained(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query("select count(*)::int as n from peers.effects");
    if (rows[0]?.n === jobs.length) return;
    await sleep(20);
  }
}

/** One line for the benchmark: jobs per second since `startedAt`. */
export function report(startedAt: number): void {
  const perSecond = jobs.length / ((performance.now() - startedAt) / 1000);
  console.log(JSON.stringify({ perSecond }));
}
