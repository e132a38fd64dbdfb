import { rename } from "node:fs/promises";
import { join } from "node:path";
import { describeFile, type Described } from "./described-file.ts";
import { getFile, type Wanted } from "./get-file.ts";
import { inParallel } from "./in-parallel.ts";
import { folderOf, localItem, nameOf, type LocalItem } from "./local-tree.ts";
import { LocalChanged, putFile, type PutTarget } from "./put-file.ts";
import type { RemoteItem } from "./remote-tree.ts";
import type { NodeFacts } from "./server.ts";
import type { Entry } from "./sync-state.ts";
import {
  folderIds,
  isSkipped,
  isUntouched,
  keepBeside,
  nameFault,
  pathKey,
  orSkip,
  type Situation,
  type Syncing,
} from "./sync-situation.ts";

/** Files that are sent and received at a time. */
const parallel = 8;
/** Transfers after which what has been done is noted for good. */
const noteEvery = 200;

/** One file that is to be sent, received, or only noted as being the same. */
type Transfer = {
  readonly path: string;
  readonly bytes: number;
  readonly run: () => Promise<void>;
};

/** A file of the server, with the content that it has. */
function wantedOf({ id, revision, size, hash, modifiedAt }: NodeFacts): Wanted {
  if (revision === undefined || size === undefined || hash === undefined)
    throw new Error(`the server told no content of ${id}`);
  return { id, revision, size, hash, modifiedAt };
}

/** What is noted of a file that is the same here and there. */
export async function noteSame(
  { state, files }: Syncing,
  {
    node,
    item,
    manifest,
  }: { readonly node: NodeFacts; readonly item: LocalItem } & Pick<Described, "manifest">,
): Promise<void> {
  const { id, revision, hash } = wantedOf(node);
  const { path, inode, size, changedMs } = item;
  const { parentId = state.pairing.folderId } = node;
  const before = state.entries.get(id)?.content;
  await files.keepManifest(hash, manifest);
  const content = { revision, hash, size, changedMs };
  state.entries.set(id, { id, kind: "file", parentId, path, inode, content });
  state.mirror.nodes.set(id, node);
  if (before && before.hash !== hash) await files.forgetManifest(before.hash);
}

/** Sends a local file. */
async function push(
  syncing: Syncing,
  target: PutTarget,
  {
    item,
    described,
    onBytes,
  }: {
    readonly item: LocalItem;
    readonly described: Described;
    readonly onBytes: (bytes: number) => void;
  },
): Promise<void> {
  const { server, root, report } = syncing;
  const sending = { path: join(root, item.path), described, onSent: onBytes };
  const node = await putFile(server, target, sending);
  await noteSame(syncing, { node, item, manifest: described.manifest });
  report.sent.push(item.path);
}

/** Receives a file of the server, unless the local one has been changed meanwhile. */
async function pull(
  syncing: Syncing,
  there: RemoteItem,
  {
    item,
    entry,
    onBytes,
  }: {
    readonly item?: LocalItem | undefined;
    readonly entry?: Entry | undefined;
    readonly onBytes: (bytes: number) => void;
  },
): Promise<void> {
  const { server, root, files, report } = syncing;
  const wanted = wantedOf(there);
  const into = files.partOf(wanted);
  const path = item?.path ?? there.path;
  const revision = entry?.content?.revision;
  const base = item && revision !== undefined ? { path: join(root, path), revision } : undefined;
  const { manifest } = await getFile(server, wanted, { into, base, onReceived: onBytes });
  const now = await localItem(root, path);
  if (now?.changedMs !== item?.changedMs || now?.size !== item?.size)
    throw new LocalChanged("it was changed while it was being received");
  await rename(into, join(root, path));
  const received = await localItem(root, path);
  if (received) await noteSame(syncing, { node: there, item: received, manifest });
  report.received.push(path);
}

/** What becomes of a file that is here and there, and was the same once. */
async function settle(
  syncing: Syncing,
  {
    entry,
    item,
    there,
  }: { readonly entry: Entry; readonly item: LocalItem; readonly there: RemoteItem },
  onBytes: (bytes: number) => void,
): Promise<void> {
  const isRevised = there.revision !== entry.content?.revision;
  const described = isUntouched(entry, item)
    ? undefined
    : await describeFile(join(syncing.root, item.path));
  const isEdited = described !== undefined && described.hash !== entry.content?.hash;
  if (described && (described.hash === there.hash || (!isEdited && !isRevised))) {
    const { manifest } = described;
    await noteSame(syncing, { node: there, item, manifest });
  } else if (described && isEdited && !isRevised) {
    const { hash, revision } = entry.content ?? {};
    if (!hash || revision === undefined) return;
    const known = await syncing.files.manifest(hash);
    const target = { fileId: entry.id, base: revision, ...(known ? { known } : {}) };
    await push(syncing, target, { item, described, onBytes });
  } else if (isEdited) {
    await keepBeside(syncing, item.path);
    await pull(syncing, there, { onBytes });
  } else if (isRevised) await pull(syncing, there, { item, entry, onBytes });
}

/** What becomes of a file that is new on the server. */
async function meet(
  syncing: Syncing,
  there: RemoteItem,
  item: LocalItem | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  if (item) {
    const { hash, manifest } = await describeFile(join(syncing.root, item.path));
    if (hash === there.hash) return noteSame(syncing, { node: there, item, manifest });
    await keepBeside(syncing, item.path);
  }
  await pull(syncing, there, { onBytes });
}

/** All files that are not the same here and there. */
function transfersOf(
  syncing: Syncing,
  situation: Situation,
  onBytes: (bytes: number) => void,
): readonly Transfer[] {
  const { state, report, root } = syncing;
  const { remote, links, free } = situation;
  const transfers: Transfer[] = [];
  const add = (path: string, bytes: number, run: () => Promise<void>) => {
    if (!isSkipped(syncing, path)) transfers.push({ path, bytes, run });
  };
  const freeByKey = new Map<string, LocalItem>();
  for (const item of [...free.values()].filter(isFile)) {
    const key = pathKey(item.path);
    if (freeByKey.has(key))
      report.skipped.set(item.path, "another file has the name, but for case");
    else freeByKey.set(key, item);
  }
  for (const there of remote.values()) {
    const [entry, item] = [state.entries.get(there.id), links.get(there.id)];
    const { path, size = 0, kind } = there;
    if (kind === "folder" || isSkipped(syncing, path)) continue;
    if (!entry) {
      const met = freeByKey.get(pathKey(path));
      freeByKey.delete(pathKey(path));
      add(path, size, () => meet(syncing, there, met, onBytes));
    } else if (item) {
      const isRevised = there.revision !== entry.content?.revision;
      const isSame = !isRevised && isUntouched(entry, item);
      if (!isSame)
        add(item.path, isRevised ? size : item.size, () =>
          settle(syncing, { entry, item, there }, onBytes),
        );
    }
  }
  const ids = folderIds(syncing, situation);
  for (const item of freeByKey.values()) {
    const folderId = ids.get(folderOf(item.path));
    const fault = nameFault(item.path);
    if (fault !== undefined) report.skipped.set(item.path, fault);
    else if (folderId)
      add(item.path, item.size, async () => {
        const target = { folderId, name: nameOf(item.path) };
        const described = await describeFile(join(root, item.path));
        await push(syncing, target, { item, described, onBytes });
      });
  }
  return transfers;
}

const isFile = ({ kind }: LocalItem): boolean => kind === "file";
/** Sends and receives files until all are the same here and there. */
export async function transferFiles(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { files, state } = syncing;
  let [done, ended] = [0, 0];
  const onBytes = (bytes: number) => {
    done += bytes;
    syncing.onBytes(done, total);
  };
  const transfers = transfersOf(syncing, situation, onBytes);
  const total = transfers.reduce((sum, { bytes }) => sum + bytes, 0);
  await inParallel(transfers, parallel, async ({ path, run }) => {
    await orSkip(syncing, path, run);
    ended += 1;
    if (ended % noteEvery === 0) await files.save(state);
  });
  return transfers.length > 0;
}
