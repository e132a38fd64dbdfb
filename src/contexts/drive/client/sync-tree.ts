import { mkdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NodeId } from "../domain/ids.ts";
import { describeFile } from "./described-file.ts";
import { folderOf, joined, localItem, nameOf, type LocalItem } from "./local-tree.ts";
import { forget, type RemoteItem } from "./remote-tree.ts";
import { NodeFacts, Refused } from "./server.ts";
import type { Entry } from "./sync-state.ts";
import {
  folderIds,
  isHidden,
  isUntouched,
  keepBeside,
  nameFault,
  pathKey,
  unlessRefused,
  type Situation,
  type Syncing,
} from "./sync-situation.ts";

const depthOf = (path: string): number => path.split("/").length;
const tagOf = ({ version }: NodeFacts) => ({ "if-match": `"${version}"` });

export const folderEntry = ({ id, parentId }: RemoteItem, { path, inode }: LocalItem): Entry => ({
  id,
  kind: "folder",
  parentId,
  path,
  inode,
});

/** Makes the folders on the server that are new on this machine, or takes those for the same that the server has under their paths. */
export async function pushFolders(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { server, state } = syncing;
  const ids = new Map(folderIds(syncing, situation));
  const known = new Map([...situation.remote.values()].map((one) => [pathKey(one.path), one]));
  let isChanged = false;
  for (const item of situation.free.values()) {
    const { path, kind } = item;
    const parentId = ids.get(folderOf(path));
    if (kind !== "folder" || !parentId || syncing.report.skipped.has(path)) continue;
    const there = known.get(pathKey(path));
    if (there && (there.kind === "file" || state.entries.has(there.id))) {
      await keepBeside(syncing, path);
      return true;
    }
    const fault = nameFault(path);
    if (fault !== undefined) syncing.report.skipped.set(path, fault);
    if (fault !== undefined) continue;
    await unlessRefused(syncing, path, async () => {
      const json = { name: nameOf(path) };
      const node =
        there ?? (await server.ask(NodeFacts, "POST", `nodes/${parentId}/folders`, { json }));
      state.mirror.nodes.set(node.id, node);
      state.entries.set(node.id, folderEntry({ ...node, parentId, path }, item));
      ids.set(path, node.id);
      if (!there) syncing.report.sent.push(path);
      isChanged = true;
    });
  }
  return isChanged;
}

/** An entry comes to lie at another path, with all that lies below it. */
function replace({ state: { entries } }: Syncing, entry: Entry, to: Partial<Entry>): void {
  const moved = { ...entry, ...to };
  entries.set(entry.id, moved);
  if (entry.kind === "file" || moved.path === entry.path) return;
  for (const one of entries.values())
    if (one.path.startsWith(`${entry.path}/`))
      entries.set(one.id, { ...one, path: moved.path + one.path.slice(entry.path.length) });
}

const isElsewhere = (entry: Entry, place: { readonly parentId: NodeId; readonly name: string }) =>
  place.parentId !== entry.parentId || place.name !== nameOf(entry.path);

/** Moves on the server what was moved on this machine, unless it was moved there as well. */
export async function pushMoves(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { server, state, report } = syncing;
  const ids = folderIds(syncing, situation);
  let isChanged = false;
  for (const [id, { path }] of situation.links) {
    const [entry, there] = [state.entries.get(id), situation.remote.get(id)];
    const parentId = ids.get(folderOf(path));
    if (!entry || !there || !parentId || isElsewhere(entry, there)) continue;
    const place = { parentId, name: nameOf(path) };
    if (!isElsewhere(entry, place)) {
      if (entry.path !== path) replace(syncing, entry, { path });
      continue;
    }
    const fault = nameFault(path);
    if (fault !== undefined) report.skipped.set(path, fault);
    if (fault !== undefined || report.skipped.has(path)) continue;
    await unlessRefused(syncing, path, async () => {
      const json = place;
      const asked = { json, headers: tagOf(there) };
      const node = await server
        .ask(NodeFacts, "PATCH", `nodes/${id}`, asked)
        .catch((error: unknown) => makeRoom(syncing, situation, { path, error }));
      isChanged ||= node !== "later";
      if (typeof node === "string") return;
      state.mirror.nodes.set(id, node);
      replace(syncing, entry, { parentId, path });
      report.moved.push(path);
    });
  }
  return isChanged;
}

/**
 * Where a name is taken on the server: by a file that was deleted here, which goes first; by one that has another name here, which is put
 * aside; or by one of the server, which keeps the name.
 */
async function makeRoom(
  syncing: Syncing,
  { links, remote }: Situation,
  { path, error }: { readonly path: string; readonly error: unknown },
): Promise<"later" | "now"> {
  const { server, state } = syncing;
  const taker = error instanceof Refused ? error.details["takenBy"] : undefined;
  if (taker === undefined) throw error;
  const [entry, there] = [state.entries.get(taker as NodeId), remote.get(taker as NodeId)];
  if (entry && !links.has(entry.id)) return "later";
  if (!entry || !there || isElsewhere(entry, there)) {
    await keepBeside(syncing, path);
    return "now";
  }
  const name = `${nameOf(entry.path)} ${entry.id}`;
  const aside = await server.ask(NodeFacts, "PATCH", `nodes/${entry.id}`, { json: { name } });
  state.mirror.nodes.set(entry.id, aside);
  replace(syncing, entry, { path: joined(folderOf(entry.path), name) });
  return "now";
}

/** Moves on this machine what was moved on the server: all out of the way first, so that names may change hands. */
export async function pullMoves(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { root, state, files, report } = syncing;
  const moves = [...situation.links].flatMap(([id, { path: from }]) => {
    const [entry, there] = [state.entries.get(id), situation.remote.get(id)];
    return entry && there && isElsewhere(entry, there) ? [{ entry, there, from }] : [];
  });
  const current = new Map(moves.map(({ entry, from }) => [entry.id, from]));
  for (const { entry } of moves.toSorted((a, b) => depthOf(b.from) - depthOf(a.from)))
    await rename(
      join(root, current.get(entry.id) ?? entry.path),
      join(root, files.movingOf(entry.id)),
    );
  for (const { entry, there } of moves.toSorted(
    (a, b) => depthOf(a.there.path) - depthOf(b.there.path),
  )) {
    await mkdir(dirname(join(root, there.path)), { recursive: true });
    if (await localItem(root, there.path)) await keepBeside(syncing, there.path);
    await rename(join(root, files.movingOf(entry.id)), join(root, there.path));
    const { path, parentId } = there;
    replace(syncing, state.entries.get(entry.id) ?? entry, { path, parentId });
    report.moved.push(path);
  }
  return moves.length > 0;
}

/** Puts in the trash of the server what was deleted on this machine, and was not changed there since. */
export async function pushDeletions(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { server, state, report } = syncing;
  const below = Map.groupBy(situation.remote.values(), ({ parentId }) => parentId);
  const decided = new Map<NodeId, boolean>();
  const isDeletable = (id: NodeId): boolean => {
    const known = decided.get(id);
    if (known !== undefined) return known;
    const [entry, there] = [state.entries.get(id), situation.remote.get(id)];
    const is =
      entry !== undefined &&
      there !== undefined &&
      !situation.links.has(id) &&
      !isHidden(syncing, entry.path) &&
      there.revision === entry.content?.revision &&
      (below.get(id) ?? []).every((child) => isDeletable(child.id));
    decided.set(id, is);
    return is;
  };
  let isChanged = false;
  for (const entry of state.entries.values()) {
    const there = situation.remote.get(entry.id);
    if (situation.links.has(entry.id) || isHidden(syncing, entry.path)) continue;
    if (!there || !isDeletable(entry.id)) {
      state.entries.delete(entry.id); // gone here and there, or changed there: it comes back
      isChanged = true;
      continue;
    }
    if (isDeletable(there.parentId)) continue;
    const path = `nodes/${entry.id}`;
    await unlessRefused(syncing, entry.path, async () => {
      await server.open("DELETE", path, { headers: tagOf(there) });
      report.deleted.push(entry.path);
      for (const one of state.entries.values())
        if (one.id === entry.id || one.path.startsWith(`${entry.path}/`))
          state.entries.delete(one.id);
      forget(state.mirror, [entry.id]);
      isChanged = true;
    });
  }
  return isChanged;
}

/** Deletes on this machine what was deleted on the server. What was changed here since is new. */
export async function pullDeletions(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { root, state, report } = syncing;
  const gone = [...situation.links].filter(([id]) => !situation.remote.has(id));
  for (const [id, item] of gone.toSorted((a, b) => depthOf(b[1].path) - depthOf(a[1].path))) {
    const entry = state.entries.get(id);
    const at = join(root, item.path);
    state.entries.delete(id);
    if (item.kind === "folder") {
      const isEmpty = await rmdir(at).then(
        () => true,
        () => false,
      );
      if (isEmpty) report.deleted.push(item.path);
    } else if (entry && (await isSame(entry, item, at)) && (await isStill(root, item))) {
      await rm(at, { force: true });
      report.deleted.push(item.path);
    }
  }
  return gone.length > 0;
}

/** Whether nobody has changed a file since it was looked at. */
async function isStill(root: string, item: LocalItem): Promise<boolean> {
  const now = await localItem(root, item.path);
  return now?.inode === item.inode && now.size === item.size && now.changedMs === item.changedMs;
}

const isSame = async (entry: Entry, item: LocalItem, at: string): Promise<boolean> =>
  isUntouched(entry, item) || (await describeFile(at)).hash === entry.content?.hash;

/** Makes the folders on this machine that are new on the server. */
export async function pullFolders(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { root, state, report } = syncing;
  let isChanged = false;
  for (const there of situation.remote.values()) {
    const { id, path, kind } = there;
    if (kind !== "folder" || state.entries.has(id)) continue;
    const before = await localItem(root, path);
    if (before?.kind === "file") await keepBeside(syncing, path);
    if (before?.kind !== "folder") {
      await mkdir(join(root, path), { recursive: true });
      report.received.push(path);
    }
    const item = await localItem(root, path);
    if (item) state.entries.set(id, folderEntry(there, item));
    isChanged = true;
  }
  return isChanged;
}
