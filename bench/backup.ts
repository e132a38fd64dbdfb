// A backup of a gigabyte while requests are served, and its restore.
import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { sumsName } from "#platform/backup/contents.ts";
import { readArchive } from "#platform/backup/archive.ts";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { registration, signIn, unlimited } from "./http.ts";
import {
  cannonade,
  percentile,
  root,
  scratchFolder,
  startServer,
  type Figure,
  type Server,
} from "./measure.ts";

const rows = 800_000;
const requestsPerSecond = 500;
const calmSeconds = 20;
const megabyte = 2 ** 20;

/** Answers to idempotency keys, of about a kilobyte each. */
const fill = `insert into identity.idempotency_keys (actor, key, fingerprint, outcome, created_at)
  select 'bench', n, md5(n::text),
         jsonb_build_object('body', (select string_agg(md5(n::text || i), '') from generate_series(1, 30) i)),
         now()
    from generate_series(1, ${rows}) n`;

async function ask(folder: string, sql: string): Promise<unknown> {
  const client = new pg.Client(EmbeddedPostgres.running(folder));
  await client.connect();
  const { rows: found } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return found[0];
}

/** A command of Basalt, and how many seconds it took. */
async function command(folder: string, ...args: readonly string[]): Promise<number> {
  const begun = performance.now();
  const env = { ...process.env, BASALT_DATA_DIR: folder };
  await promisify(execFile)(process.execPath, ["src/cli.ts", ...args], { cwd: root, env });
  return (performance.now() - begun) / 1_000;
}

async function sumsOf(file: string): Promise<string> {
  for await (const { name, bytes } of readArchive(createReadStream(file)))
    if (name === sumsName) return bytes.toString();
  throw new Error("the backup has no sums");
}

/** Half of the requests read a user, half make one. */
async function serving({ url }: Server, headers: Record<string, string>, id: string) {
  return (seconds: number) =>
    cannonade({
      url,
      connections: 16,
      overallRate: requestsPerSecond,
      duration: seconds,
      requests: [{ path: `/api/v1/users/${id}`, headers }, registration("/api/v1/users", headers)],
    });
}

export async function backupFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const [from, into] = [path.join(folder.path, "from"), path.join(folder.path, "into")];
  const file = (name: string) => path.join(folder.path, name);
  const env = { ...unlimited, BASALT_DATA_DIR: from };
  let figures: Figure[];
  {
    await using basalt = await startServer(["src/cli.ts", "start"], env);
    await ask(from, fill);
    await ask(from, "vacuum (freeze, analyze)"); // else the first to read a row marks it as committed
    await ask(from, "checkpoint");
    const bytes = (await ask(from, "select pg_database_size('basalt')::float8 as size")) as {
      size: number;
    };
    const { userId, headers } = await signIn(basalt);
    const serve = await serving(basalt, headers, userId);
    await serve(5);
    const calm = await serve(calmSeconds);
    const backup = command(from, "backup", file("one"));
    const busy = await serve(calmSeconds);
    const seconds = await backup;
    const [calmMs, busyMs] = [calm, busy].map(({ latenciesMs }) => percentile(latenciesMs, 0.99));
    const ratio = (busyMs ?? NaN) / (calmMs ?? NaN);
    const size = (await stat(file("one"))).size;
    figures = [
      {
        what: `p99 of ${requestsPerSecond} requests/s during a backup of ${(bytes.size / megabyte).toFixed(0)} MB, against calm`,
        measured: `${ratio.toFixed(2)} × (${busyMs?.toFixed(1)} against ${calmMs?.toFixed(1)} ms; ${seconds.toFixed(0)} s, ${(size / megabyte).toFixed(0)} MB)`,
        bar: "≤ 2 ×",
        kept: ratio <= 2 && busy.result.non2xx + busy.result.errors === 0,
      },
    ];
  }
  await command(from, "backup", "--rate", "10000", file("before"));
  const seconds = await command(into, "restore", file("before"));
  await command(into, "backup", "--rate", "10000", file("after"));
  const isSame = (await sumsOf(file("before"))) === (await sumsOf(file("after")));
  return [
    ...figures,
    {
      what: "all rows of the restored database against those of the first, by SHA-256",
      measured: `${isSame ? "equal" : "different"} (restored in ${seconds.toFixed(0)} s)`,
      bar: "equal",
      kept: isSame,
    },
  ];
}
