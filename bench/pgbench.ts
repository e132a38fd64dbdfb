import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { ClientConfig } from "pg";

type Script = {
  readonly folder: string;
  readonly connection: ClientConfig;
  readonly sql: string;
  readonly clients: number;
  readonly seconds: number;
  readonly variables?: Readonly<Record<string, string>>;
};

/** Transactions per second of a script, prepared; undefined where the machine has no pgbench. */
export function pgbench(script: Script): (() => number) | undefined {
  if (spawnSync("pgbench", ["--version"]).status !== 0) return undefined;
  const { folder, connection, sql, clients, seconds, variables = {} } = script;
  const { host, port, user, password, database } = connection;
  const file = path.join(folder, "pgbench.sql");
  const args = ["-n", "-M", "prepared", "-c", String(clients), "-j", "2", "-T", String(seconds)];
  for (const [name, value] of Object.entries(variables)) args.push("-D", `${name}=${value}`);
  const env = {
    ...process.env,
    PGHOST: String(host),
    PGPORT: String(port),
    PGUSER: String(user),
    PGPASSWORD: String(password),
  };
  return () => {
    writeFileSync(file, sql);
    const run = spawnSync("pgbench", [...args, "-f", file, String(database)], {
      encoding: "utf8",
      env,
    });
    const rate = /tps = ([\d.]+)/.exec(run.stdout)?.[1];
    if (rate === undefined) throw new Error(`pgbench: ${run.stderr}`);
    return Number(rate);
  };
}
