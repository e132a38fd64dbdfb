import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { link, rm, stat } from "node:fs/promises";
import os from "node:os";
import type { Readable, Writable } from "node:stream";
import { InvalidArgumentError, type Command } from "commander";
import { backUp } from "#platform/backup/back-up.ts";
import { restore, verifyBackup, type Restored } from "#platform/backup/restore.ts";
import type { Settings } from "#platform/config/settings.ts";
import { localPath } from "#platform/console/local-path.ts";
import { progressBar, print, type Output } from "#platform/console/output.ts";
import { openPostgres } from "#platform/process/postgres.ts";
import { knownMasterKeys } from "#platform/secrets/master-key-file.ts";
import { masterKeyIds } from "#platform/secrets/secrets.ts";
import { systemTimers as timers } from "#platform/system.ts";
import { basalt } from "../composition.ts";
import { quietLog } from "./database.ts";

/** Commands that save everything and bring it back. */
export function addBackupCommands(program: Command): void {
  program
    .command("backup")
    .description(
      "Write database, files, master key and emails as they are now to one file; Basalt may keep running",
    )
    .argument("<file>", "a new file, as in basalt.tar.zst; - for standard output", localPath)
    .option(
      "--rate <megabytes>",
      "megabytes of rows read per second at most, so that requests are served meanwhile",
      toRate,
      defaultRate,
    )
    .option("--json", "print JSON")
    .action(backupCommand);
  program
    .command("restore")
    .description("Restore a backup into an empty database and data folder")
    .argument("<file>", "a file that `backup` wrote; - for standard input", localPath)
    .option("--verify", "only read the file and check that it is whole")
    .option("--json", "print JSON")
    .action(restoreCommand);
}

const megabyte = 1024 * 1024;
const defaultRate = 20;
const minRate = 0.001;

function toRate(text: string): number {
  const rate = Number(text);
  if (!(rate >= minRate)) throw new InvalidArgumentError(`must be a number from ${minRate}`);
  return rate;
}

/** The ids of the master keys that a Basalt with these settings has, and where they come from. */
function keysOf({ masterKey, dataFolder }: Settings) {
  const masterKeys = knownMasterKeys(masterKey, dataFolder);
  return { masterKeys, hasMasterKey: masterKey === undefined && masterKeys.length > 0 };
}

async function backupCommand(
  file: string,
  { rate, ...output }: Output & { readonly rate: number },
) {
  os.setPriority(os.constants.priority.PRIORITY_LOW); // requests come first
  const settings = basalt.settingsNow();
  const { version, sources } = basalt;
  await using undo = new AsyncDisposableStack();
  const opening = { shared: true, makes: false };
  const { connection, embedded } = await openPostgres(settings, quietLog(), opening);
  undo.use(embedded);
  const { dataFolder } = settings;
  const blobFolders = basalt.blobFolders(settings);
  const source = { connection, sources, version, blobFolders, dataFolder };
  const bar = megabytesBar();
  const pace = { timers, bytesPerSecond: rate * megabyte, onProgress: bar.show };
  const done = await toFile(file, (out) => backUp({ ...source, ...keysOf(settings) }, out, pace));
  bar.end();
  if (file === "-") return;
  print(
    [{ file, ...done }],
    output,
    ({ takenAt, tables, rows, emails, blobBytes, hasMasterKey }) =>
      `${file} holds the state of ${takenAt}: ${rows} rows of ${tables} tables, ${emails} emails, ${filesOf(blobBytes)} and ` +
      (hasMasterKey
        ? "the master key. Keep it as safe as the data."
        : "no master key: keep BASALT_MASTER_KEY beside it."),
    "",
  );
}

/**
 * Writes beside the file and gives it its name once it is whole, so that no file with that name is half a backup. A
 * backup that is told to stop fails, and leaves nothing.
 */
async function toFile<T>(file: string, write: (out: Writable) => Promise<T>) {
  if (file === "-") {
    process.stdout.removeAllListeners("error"); // whoever reads half a backup must hear of it
    return orStopped(write(process.stdout));
  }
  const taken = `${file} exists already: give another name`;
  if (existsSync(file)) throw new Error(taken);
  const part = `${file}.${process.pid}.part`;
  try {
    const out = createWriteStream(part, { mode: 0o600, flush: true });
    const written = await orStopped(write(out));
    await link(part, file).catch((cause: unknown) => {
      throw existsSync(file) ? new Error(taken) : cause;
    });
    return written;
  } finally {
    await rm(part, { force: true });
  }
}

/** The process was told to stop while it worked: nothing that it began goes on. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** Rejects as soon as this process receives a signal to stop, even while the work is waiting. */
function orStopped<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => reject(new Stopped(`the backup was stopped by ${signal}`)));
  return Promise.race([work, promise]);
}

async function restoreCommand(
  file: string,
  { verify, ...output }: Output & { readonly verify?: true },
): Promise<void> {
  const settings = basalt.settingsNow();
  await using undo = new AsyncDisposableStack();
  const { input, bar } = await fromFile(file);
  const connect = async () => {
    const { connection, embedded } = await openPostgres(settings, quietLog(), { shared: true });
    undo.use(embedded);
    return connection;
  };
  const { masterKey, dataFolder } = settings;
  const masterKeys = masterKey === undefined ? [] : masterKeyIds(masterKey);
  const done = verify
    ? await verifyBackup(input, bar.show)
    : await restore({ connect, sources: basalt.sources, dataFolder, masterKeys }, input, bar.show);
  bar.end();
  print([done], output, verify ? verified : restored, "");
}

const filesOf = (bytes: number) => `${(bytes / megabyte).toFixed(1)} MiB of files`;

const verified = ({ takenAt, basalt: version, tables, rows, emails, blobBytes }: Restored) =>
  `The backup is whole: ${rows} rows of ${tables} tables, ${emails} emails and ${filesOf(blobBytes)}, ` +
  `taken at ${takenAt} by Basalt ${version}.`;

const restored = ({ takenAt, tables, rows, emails, blobBytes }: Restored) =>
  `Restored the state of ${takenAt}: ${rows} rows of ${tables} tables, ${emails} emails and ${filesOf(blobBytes)}. ` +
  "Start Basalt now.";

/** The bytes of a file, and a bar that shows how many of them have been read. */
async function fromFile(file: string): Promise<{ input: Readable; bar: Bar }> {
  if (file === "-") return { input: process.stdin, bar: { show: () => {}, end: () => {} } };
  const { size } = await stat(file);
  const input = createReadStream(file);
  const { show, end } = megabytesBar();
  return { input, bar: { show: () => show(input.bytesRead, size), end } };
}

type Bar = { readonly show: () => void; readonly end: () => void };

function megabytesBar() {
  let bar: ReturnType<typeof progressBar> | undefined;
  return {
    show(done: number, total: number): void {
      bar ??= progressBar("MB", Math.ceil(total / megabyte));
      bar.show(Math.ceil(done / megabyte));
    },
    end: (): void => bar?.end(),
  };
}
