import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";
import type { Logger } from "pino";
import { Unavailable } from "../unavailable.ts";
import { childEnvironment } from "../child-environment.ts";
import { writeOnce } from "../write-once.ts";
import { reachableBinaries, reachableFolder, runAs, type RunAs } from "./embedded-binaries.ts";
import { holderOf, isAlive, takeLock, type Lock } from "./embedded-lock.ts";

export type EmbeddedOptions = {
  /** Basalt's folder, as in `/home/ada/basalt/.basalt`. */
  readonly folder: string;
  readonly log: Logger;
  /** Settings of the server on top of Basalt's own, as in `{ fsync: "off" }` for tests. */
  readonly parameters?: Readonly<Record<string, string>>;
};

const database = "basalt";
const readyWithinMs = 60_000;
const stopWithinMs = 10_000;
const logFileMaxBytes = 10 * 1024 * 1024;
/** A unix socket's path has at most 103 bytes on macOS; `/.s.PGSQL.5432.lock` is part of it. */
const socketFolderMaxBytes = 83;

const ownParameters = {
  max_connections: "60",
  shared_buffers: "128MB",
  max_wal_size: "1GB",
  wal_compression: "on",
  jit: "off",
  log_checkpoints: "off",
};

/** Another living Basalt holds the data folder. */
export class FolderBusy extends Error {
  override readonly name = "FolderBusy";
}

/**
 * A real Postgres that belongs to this process: created on first use, restarted when it dies,
 * stopped on dispose. fsync stays on: what was committed survives a power cut.
 */
export class EmbeddedPostgres implements AsyncDisposable {
  readonly connection: ClientConfig;
  readonly dataFolder: string;
  readonly #options: EmbeddedOptions;
  readonly #lock: Lock;
  readonly #as: RunAs;
  readonly #arguments: readonly string[];
  readonly #postgres: string;
  #server: ChildProcess | undefined;
  #stopping = false;

  private constructor(options: EmbeddedOptions, prepared: Prepared, lock: Lock) {
    this.#options = options;
    this.#lock = lock;
    this.#as = prepared.as;
    this.#postgres = prepared.postgres;
    this.dataFolder = prepared.dataFolder;
    this.connection = prepared.connection;
    const { host, port } = prepared.connection;
    const sockets = { listen_addresses: "", unix_socket_directories: `"${host}"` };
    const tcp = { listen_addresses: String(host), unix_socket_directories: "" };
    const parameters = {
      ...ownParameters,
      ...(process.platform === "win32" ? tcp : sockets),
      port: String(port),
      ...options.parameters,
    };
    this.#arguments = [
      "-D",
      prepared.dataFolder,
      ...Object.entries(parameters).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ];
  }

  /** Takes the folder and serves from it. Refuses with `FolderBusy` when another Basalt does. */
  static async start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
    const folder = path.resolve(options.folder);
    const isNew = !EmbeddedPostgres.isIn(folder);
    const connection = await connectionFor(folder);
    const lock = await takeLock(folder, connection, () =>
      options.log.warn(
        { folder },
        "this folder was held by a process in another container; waiting to see whether it is alive",
      ),
    );
    if (!("drop" in lock))
      throw new FolderBusy(
        `Another Basalt (process ${lock.pid}) holds ${folder}. Stop it, ` +
          "or give this one a folder of its own with BASALT_DATA_DIR.",
      );
    try {
      const prepared = await prepare({ folder, isNew }, connection, options.log);
      const embedded = new EmbeddedPostgres(options, prepared, lock);
      await embedded.#launch();
      return embedded;
    } catch (error) {
      lock.drop();
      throw error;
    }
  }

  /** How to reach the Postgres of a Basalt that is running in this folder. */
  static running(folder: string): ClientConfig | undefined {
    return holderOf(path.resolve(folder))?.connection;
  }

  /** Whether a Postgres was ever begun in this folder. */
  static isIn(folder: string): boolean {
    return fs.existsSync(secretFileIn(path.resolve(folder)));
  }

  /** A password for another login of this cluster, as secret as the owner's. */
  passwordOf(login: string): string {
    const secret = String(this.connection.password);
    return createHmac("sha256", secret).update(login).digest("hex");
  }

  /** Process id of the server, for tests that kill it. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await stop(this.#server);
    dropSocketFolder(this.connection.host);
    this.#lock.drop();
  }

  async #launch(): Promise<void> {
    const { host } = this.connection;
    if (host?.startsWith("/")) makeSocketFolder(host, this.#as); // cleaners of temporary folders remove it
    const logFile = openLog(path.join(path.resolve(this.#options.folder), "postgres.log"));
    const server = spawn(this.#postgres, [...this.#arguments], {
      ...this.#as,
      env: childEnvironment(),
      cwd: this.dataFolder,
      detached: true, // Ctrl-C in a terminal must reach Basalt alone, which drains first
      stdio: ["ignore", logFile, logFile],
    });
    fs.closeSync(logFile);
    this.#server = server;
    try {
      await this.#ready(server);
    } catch (error) {
      await stop(server);
      throw error;
    }
    // Only now: one that never got ready is for the caller to deal with.
    server.once("exit", (code, signal) => {
      if (!this.#stopping) void this.#relaunch({ code, signal });
    });
  }

  async #ready(server: ChildProcess): Promise<void> {
    const deadline = Date.now() + readyWithinMs;
    while (Date.now() < deadline) {
      if (server.exitCode !== null || server.signalCode !== null)
        throw new Error(`Postgres did not start; see ${this.#options.folder}/postgres.log`);
      if (statusIn(this.dataFolder, server.pid) === "ready") return;
      await sleep(10);
    }
    throw new Unavailable("Postgres did not get ready in time", {});
  }

  async #relaunch(end: object): Promise<void> {
    this.#options.log.error(end, "Postgres ended unexpectedly; restarting it");
    for (let pauseMs = 100; !this.#stopping; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      await sleep(pauseMs);
      if (this.#stopping) return;
      try {
        await this.#launch();
        this.#options.log.info("Postgres runs again");
        return;
      } catch (error) {
        this.#options.log.error({ error: String(error) }, "Postgres could not be restarted yet");
      }
    }
  }
}

type Prepared = {
  readonly as: RunAs;
  readonly postgres: string;
  readonly dataFolder: string;
  readonly connection: ClientConfig;
};

async function prepare(
  { folder, isNew }: { readonly folder: string; readonly isNew: boolean },
  connection: ClientConfig,
  log: Logger,
): Promise<Prepared> {
  const as = runAs();
  const binaries = reachableBinaries(as);
  const home = reachableFolder(path.join(folder, "postgres"), as, isNew);
  if (!home.startsWith(folder))
    log.warn(
      { folder: home },
      "Postgres runs as the user nobody, which cannot enter the project folder; its data is in another folder",
    );

  const dataFolder = path.join(home, "data");
  await stopOrphan(dataFolder, log);
  if (!fs.existsSync(dataFolder))
    initialise({
      initdb: binaries.initdb,
      as,
      home,
      dataFolder,
      secret: String(connection.password),
    });
  refuseOtherMajor(dataFolder);
  return { as, postgres: binaries.postgres, dataFolder, connection };
}

/** Socket in Basalt's folder, or in the temporary one where that path is too long for a socket. */
async function connectionFor(folder: string): Promise<ClientConfig> {
  fs.mkdirSync(folder, { recursive: true });
  const common = { user: "basalt", database, password: secretIn(folder) };
  if (process.platform === "win32") return { ...common, host: "127.0.0.1", port: await freePort() };

  const inside = path.join(folder, "run");
  const enterable = process.getuid?.() !== 0; // root's Postgres runs as nobody, who may not enter
  const fits = Buffer.byteLength(inside) <= socketFolderMaxBytes && !inside.includes('"');
  if (enterable && fits) return { ...common, host: inside, port: 5432 };

  const { createHash } = await import("node:crypto");
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 12);
  const user = process.getuid?.() ?? 0;
  return { ...common, host: path.join(os.tmpdir(), `basalt-${user}-${name}`), port: 5432 };
}

const secretFileIn = (folder: string): string => path.join(folder, "postgres.secret");

function secretIn(folder: string): string {
  const file = secretFileIn(folder);
  if (!fs.existsSync(file)) writeOnce(file, randomBytes(32).toString("base64url"));
  return fs.readFileSync(file, "utf8");
}

/**
 * The folder may lie in a shared temporary one, where somebody could have put another, or a link,
 * in its place: what exists already is looked at without following it, and never changed.
 */
function makeSocketFolder(folder: string, { uid, gid }: RunAs): void {
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
    if (uid !== undefined && gid !== undefined) fs.chownSync(folder, uid, gid);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const found = fs.lstatSync(folder);
  const owner = uid ?? process.getuid?.();
  if (!found.isDirectory() || found.uid !== owner || (found.mode & 0o077) !== 0)
    throw new Error(`${folder} belongs to somebody else or is open to others: remove it`);
}

/** Nothing is left in the temporary folder. One that is not empty belongs to a Postgres that still runs. */
function dropSocketFolder(folder = ""): void {
  try {
    if (path.dirname(folder) === os.tmpdir()) fs.rmdirSync(folder);
  } catch {
    // The next start takes it on.
  }
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Makes the cluster beside its place and moves it there whole: a kill midway leaves nothing. */
function initialise({
  initdb,
  as,
  home,
  dataFolder,
  secret,
}: {
  readonly initdb: string;
  readonly as: RunAs;
  readonly home: string;
  readonly dataFolder: string;
  readonly secret: string;
}): void {
  removeUnfinished(home);
  const unfinished = path.join(home, `unfinished.${process.pid}`);
  const secretFile = path.join(home, `unfinished.${process.pid}.secret`);
  fs.writeFileSync(secretFile, secret, { mode: 0o600 });
  if (as.uid !== undefined && as.gid !== undefined) fs.chownSync(secretFile, as.uid, as.gid);
  const made = spawnSync(
    initdb,
    [
      "-D",
      unfinished,
      "-U",
      "basalt",
      "-E",
      "UTF8",
      "--auth=scram-sha-256",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      `--pwfile=${secretFile}`,
      "-c",
      "scram_iterations=1",
      "--no-instructions",
    ],
    { ...as, env: childEnvironment(), cwd: home, encoding: "utf8" },
  );
  fs.rmSync(secretFile, { force: true });
  if (made.status !== 0)
    throw new Error(`initdb failed: ${made.stderr || made.error?.message || "no reason given"}`);
  fs.renameSync(unfinished, dataFolder);
}

/** What starts that were killed have left. An initdb of theirs may still be at work: it then fails, or is removed by the next start. */
function removeUnfinished(home: string): void {
  for (const name of fs.readdirSync(home))
    if (name.startsWith("unfinished"))
      try {
        fs.rmSync(path.join(home, name), { recursive: true, force: true });
      } catch {
        // It is being written still.
      }
}

function refuseOtherMajor(dataFolder: string): void {
  const version = fs.readFileSync(path.join(dataFolder, "PG_VERSION"), "utf8").trim();
  if (version !== "18")
    throw new Error(
      `${dataFolder} was written by Postgres ${version}, this Basalt brings 18: run ` +
        "`basalt backup FILE` with the Basalt that wrote it, and `basalt restore FILE` with this one.",
    );
}

/** Postgres outlives a killed Basalt: the next one stops it before it starts its own. */
async function stopOrphan(dataFolder: string, log: Logger): Promise<void> {
  const pid = serverIn(dataFolder)?.pid;
  if (pid === undefined || !isAlive(pid) || !isPostgres(pid)) return;
  log.warn({ pid }, "stopping a Postgres that a killed Basalt left running");
  process.kill(pid, "SIGINT");
  for (const deadline = Date.now() + stopWithinMs; isAlive(pid); await sleep(20))
    if (Date.now() > deadline) process.kill(pid, "SIGQUIT");
}

function isPostgres(pid: number): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch {
    return process.platform !== "linux";
  }
}

/** The contents of postmaster.pid. Lines: pid, data folder, start, port, socket, address, shm, status. */
function serverIn(dataFolder: string): { pid: number; status: string } | undefined {
  try {
    const lines = fs.readFileSync(path.join(dataFolder, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(lines[0]), status: lines[7]?.trim() ?? "" };
  } catch {
    return undefined;
  }
}

function statusIn(dataFolder: string, pid: number | undefined): string | undefined {
  const server = serverIn(dataFolder);
  return server?.pid === pid ? server?.status : undefined;
}

function openLog(file: string): number {
  if (fs.existsSync(file) && fs.statSync(file).size > logFileMaxBytes)
    fs.renameSync(file, `${file}.old`);
  return fs.openSync(file, "a", 0o600);
}

/** Fast shutdown: open transactions are rolled back, committed ones flushed. */
async function stop(server: ChildProcess | undefined): Promise<void> {
  if (!server || server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGINT");
  const timer = setTimeout(() => server.kill("SIGQUIT"), stopWithinMs);
  await exited;
  clearTimeout(timer);
}
