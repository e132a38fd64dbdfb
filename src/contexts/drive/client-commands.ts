import { rename, stat } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import type { Instant } from "#kernel/instant.ts";
import { localPath } from "#platform/console/local-path.ts";
import { print, progressBar } from "#platform/console/output.ts";
import type { Runtime } from "#platform/runtime.ts";
import { describeFile } from "./client/described-file.ts";
import { getFile } from "./client/get-file.ts";
import { findNode, findSpace, makeFolder } from "./client/places.ts";
import { putFile } from "./client/put-file.ts";
import { RewoundFacts } from "./client/server.ts";
import { reached, reachingOn, rooted, timeOf, type Reaching } from "./reaching-commands.ts";
import { keepSynced } from "./client/keep-synced.ts";
import { pairingOf, syncFolder, type SyncOptions } from "./client/sync.ts";
import type { SyncReport } from "./client/sync-situation.ts";

/** A bar of the bytes that go over the wire. */
function bytesBar() {
  const kibibyte = 1_024;
  let bar: ReturnType<typeof progressBar> | undefined;
  let shown = 0;
  return {
    /** A part that begins has a total of its own. */
    show(done: number, total: number) {
      if (total !== shown) bar = progressBar("KiB", Math.ceil(total / kibibyte));
      shown = total;
      bar?.show(Math.ceil(done / kibibyte));
    },
    end: () => bar?.end(),
  };
}

/** Commands of the client of the drive: they talk to a server, from any machine. */
export function addClientCommands(drive: Command, runtime: Runtime): void {
  const reaching = reachingOn(drive);
  reaching("put", "Send a file, of which only what the server lacks is sent")
    .argument("<file>", "the file on this machine", localPath)
    .argument("[path]", "where it goes, as in /Letters/ or /Letters/one.txt", "/")
    .action(putCommand(runtime));
  reaching("get", "Receive a file")
    .argument("<path>", "the path of the file on the server, as in /Letters/one.txt")
    .argument("[file]", "where it goes; its own name unless you say another one", localPath)
    .action(getCommand(runtime));
  reaching("sync", "Make a folder of this machine and one of the server the same, both ways")
    .argument("<folder>", "the folder on this machine", localPath)
    .option("--to <path>", "the folder on the server", "/")
    .option("--watch", "go on: sync again whenever either side has changed, until Ctrl-C")
    .action(syncCommand(runtime));
  reaching("restore", "Make a folder of the server what it was, with all that lies below it")
    .argument("<folder>", "the folder on the server, as in /Photos; / is the whole space")
    .requiredOption(
      "--at <time>",
      "when: 2026-01-31T12:00:00Z, or so long ago: 30s, 15m, 1h, 2d or 1w",
      timeOf(runtime.clock, "ago"),
    )
    .option("--dry-run", "tell what would change, and change nothing")
    .action(restoreCommand(runtime));
}

const putCommand =
  (runtime: Runtime) =>
  async (file: string, to: string, { space: named, ...output }: Reaching) => {
    if ((await stat(file)).isDirectory()) throw new Error(`${file} is a folder: use drive sync`);
    const server = reached(runtime, output);
    const space = await findSpace(server, named);
    const wanted = rooted(to.endsWith("/") ? `${to}${path.basename(file)}` : to);
    const found = await findNode(server, space, wanted);
    if (found?.kind === "folder") throw new Error(`${wanted} is a folder: end it with /`);
    const described = await describeFile(file);
    const { size, hash } = described;
    if (found?.hash === hash) {
      print(
        [{ id: found.id, path: wanted, revision: found.revision, size, sent: 0 }],
        output,
        sentOf,
        "",
      );
      return;
    }
    const bar = bytesBar();
    let sent = 0;
    const sending = {
      path: file,
      described,
      onSent: (bytes: number) => bar.show((sent += bytes), described.size),
    };
    const target =
      found?.revision === undefined
        ? {
            folderId: await makeFolder(server, space, path.posix.dirname(wanted)),
            name: path.posix.basename(wanted),
          }
        : { fileId: found.id, base: found.revision };
    const { id, revision } = await putFile(server, target, sending);
    bar.end();
    print([{ id, path: wanted, revision, size, sent }], output, sentOf, "");
  };

const sentOf = (one: {
  readonly path: string;
  readonly revision?: number | undefined;
  readonly size: number;
  readonly sent: number;
}) =>
  `${one.path} has revision ${one.revision}: ${one.size} bytes, of which ${one.sent} were sent.`;

const getCommand =
  (runtime: Runtime) =>
  async (from: string, to: string | undefined, { space: named, ...output }: Reaching) => {
    const server = reached(runtime, output);
    const found = await findNode(server, await findSpace(server, named), rooted(from));
    const { id, revision, size, hash, modifiedAt } = found ?? {};
    if (!id || revision === undefined || size === undefined || !hash)
      throw new Error(found ? `${from} is a folder: use drive sync` : `there is no ${from}`);
    const isFolder = to !== undefined && (await stat(to).catch(() => undefined))?.isDirectory();
    const name = path.posix.basename(from);
    const target = isFolder ? path.join(to, name) : (to ?? localPath(name));
    const into = `${target}.${hash.slice(0, 8)}.part`;
    const bar = bytesBar();
    let received = 0;
    const onReceived = (bytes: number) => bar.show((received += bytes), size);
    await getFile(server, { id, revision, size, hash, modifiedAt }, { into, onReceived });
    await rename(into, target);
    bar.end();
    print(
      [{ id, file: target, revision, size }],
      output,
      ({ file }) => `${file}: ${size} bytes.`,
      "",
    );
  };

const syncCommand =
  (runtime: Runtime) =>
  async (
    root: string,
    {
      space: named,
      to,
      watch: isWatching = false,
      ...output
    }: Reaching & { readonly to: string; readonly watch?: boolean },
  ) => {
    if (!(await stat(root)).isDirectory()) throw new Error(`${root} is no folder`);
    const stop = new AbortController();
    const server = reached(runtime, output, stop.signal);
    const { id: spaceId, ...space } = await findSpace(server, named);
    const there = await findNode(server, { id: spaceId, ...space }, rooted(to));
    const before = await pairingOf(root);
    if (before && before.folderId !== there?.id)
      throw new Error(
        `${root} is synced with another folder than ${rooted(to)}: ${before.folderId}`,
      );
    const folderId = await makeFolder(server, { id: spaceId, ...space }, to);
    let bar = bytesBar();
    const pairing = { url: output.server, spaceId, folderId };
    const options = {
      server,
      root,
      pairing,
      clock: runtime.clock,
      onBytes: (done: number, total: number) => bar.show(done, total),
    };
    const told = (report: SyncReport): readonly unknown[] => {
      bar.end();
      bar = bytesBar();
      const skipped = [...report.skipped].map(([name, why]) => ({ path: name, why }));
      print([{ ...report, skipped }], output, reportOf, "");
      return skipped;
    };
    if (isWatching) await watchFolder(runtime, { ...options, stop }, told);
    else if (told(await syncFolder(options)).length > 0) process.exitCode = 1;
  };

/** Syncs until Ctrl-C, and tells what comes of it where that is news. */
async function watchFolder(
  { timers }: Runtime,
  { stop, ...options }: SyncOptions & { readonly stop: AbortController },
  tell: (report: SyncReport) => void,
): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      console.error("Stopped: what was broken off goes on with the next call.");
      stop.abort();
    });
  let before: string | undefined;
  await keepSynced({
    ...options,
    timers,
    ending: stop.signal,
    onReport(report) {
      const { skipped, ...done } = report;
      const [news, left] = [Object.values(done).flat(), JSON.stringify([...skipped])];
      if (before === undefined || news.length > 0 || left !== before) tell(report);
      before = left;
    },
    onFailure(error) {
      const what = error instanceof Error ? error.message : String(error);
      console.error(`${what}; it is tried again in a while.`);
    },
  });
}

const restoreCommand =
  (runtime: Runtime) =>
  async (
    typed: string,
    {
      space: named,
      at,
      dryRun,
      ...output
    }: Reaching & { readonly at: Instant; readonly dryRun?: true },
  ) => {
    const server = reached(runtime, output);
    const found = await findNode(server, await findSpace(server, named), rooted(typed));
    if (!found) throw new Error(`there is no ${typed}: restore the folder that it lay in`);
    if (found.kind === "file")
      throw new Error(`${typed} is a file: restore the folder that it lies in`);
    const counts = await server.ask(RewoundFacts, "POST", `nodes/${found.id}/past/restoration`, {
      json: { at, ...(dryRun ? { dryRun } : {}) },
    });
    print([counts], output, (told) => `As of ${at}: ${rewoundOf(told, dryRun === true)}`, "");
  };

function rewoundOf(counts: RewoundFacts, isDry: boolean): string {
  const { restored, moved, revised, copied, trashed } = counts;
  const told = [
    [restored, "back from the trash"],
    [moved, "moved back"],
    [revised, "given the content of then"],
    [copied, "copied back"],
    [trashed, "put in the trash"],
  ].flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  if (told.length === 0) return "nothing has changed since.";
  return `${told.join(", ")}${isDry ? ", if it were not a dry run" : ""}.`;
}

type ToldReport = Omit<Awaited<ReturnType<typeof syncFolder>>, "skipped"> & {
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
};

function reportOf({ sent, received, moved, deleted, conflicts, skipped }: ToldReport): string {
  const counts = `Sent ${sent.length}, received ${received.length}, moved ${moved.length}, deleted ${deleted.length}.`;
  return [
    counts,
    ...conflicts.map((one) => `Kept beside the file of the server: ${one}`),
    ...skipped.map((one) => `Not synced: ${one.path}: ${one.why}`),
  ].join("\n");
}
