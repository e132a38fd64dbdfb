import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { describeBytes, type Described } from "./described-file.ts";
import { inParallel } from "./in-parallel.ts";
import { folderOf, type LocalItem } from "./local-tree.ts";
import { EntriesFacts, Refused, type Server } from "./server.ts";
import { noteSame } from "./sync-files.ts";
import {
  folderIds,
  isSkipped,
  nameFault,
  orSkip,
  pathKey,
  type Situation,
  type Syncing,
} from "./sync-situation.ts";

/** A file that has no more bytes is sent together with others. */
const smallBytes = 2 ** 17;
/** Files and bytes of one batch, and batches at a time. */
const [batchFiles, batchBytes, parallel] = [500, 8 * 2 ** 20, 2];
/** Fewer are sent one by one. */
const fewest = 8;

type Batch = LocalItem[];
type Read = { readonly item: LocalItem; readonly bytes: Buffer; readonly described: Described };

/** New files that are small, in folders that the server has, each under a name that is free there. */
function smallFiles(syncing: Syncing, situation: Situation): readonly LocalItem[] {
  const { remote, free } = situation;
  const folders = folderIds(syncing, situation);
  const taken = new Set([...remote.values()].map(({ path }) => pathKey(path)));
  return [...free.values()].filter((item) => {
    const { kind, size, path } = item;
    const isSmall = kind === "file" && size <= smallBytes && folders.has(folderOf(path));
    if (!isSmall || isSkipped(syncing, path) || nameFault(path) !== undefined) return false;
    const key = pathKey(path);
    const isFree = !taken.has(key);
    taken.add(key);
    return isFree;
  });
}

function batchesOf(items: readonly LocalItem[]): readonly Batch[] {
  const batches: Batch[] = [];
  let bytes = Infinity;
  for (const item of items) {
    const last = batches.at(-1);
    if (last && last.length < batchFiles && bytes + item.size <= batchBytes) last.push(item);
    else {
      batches.push([item]);
      bytes = 0;
    }
    bytes += item.size;
  }
  return batches;
}

async function sendBatch(server: Server, folderId: string, files: readonly Read[]) {
  const archive = pack();
  for (const { item, bytes } of files) {
    const pax = { mtime: String(item.changedMs / 1_000) };
    archive.entry({ name: item.path, pax }, bytes);
  }
  archive.finalize();
  const body = { type: "application/x-tar", bytes: new Uint8Array(await buffer(archive)) };
  try {
    return (await server.ask(EntriesFacts, "POST", `nodes/${folderId}/batch`, { body })).items;
  } catch (error) {
    // What one batch cannot do, single requests can, or they tell why not.
    if (error instanceof Refused) return [];
    throw error;
  }
}

/** Sends small files that are new on this machine, many at once. Those that cannot be created are left to single requests. */
export async function pushBatches(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { server, root, state, report, files } = syncing;
  const small = smallFiles(syncing, situation);
  if (small.length < fewest) return false;
  const total = small.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  let isChanged = false;
  await inParallel(batchesOf(small), parallel, async (batch) => {
    const read: Read[] = [];
    for (const item of batch)
      await orSkip(syncing, item.path, async () => {
        const bytes = await readFile(join(root, item.path));
        if (bytes.length === item.size)
          read.push({ item, bytes, described: await describeBytes(bytes) });
      });
    const results = await sendBatch(server, state.pairing.folderId, read);
    for (const [i, { outcome, node }] of results.entries()) {
      const file = read[i];
      if (!file || outcome !== "created" || node?.hash !== file.described.hash) continue;
      await noteSame(syncing, { node, item: file.item, manifest: file.described.manifest });
      report.sent.push(file.item.path);
      done += file.item.size;
      isChanged = true;
    }
    syncing.onBytes(done, total);
    await files.save(state);
  });
  return isChanged;
}
