import type { NodeId } from "../domain/ids.ts";
import { folderOf, joined, nameOf } from "./local-tree.ts";
import { forget, pageSize, type RemoteItem } from "./remote-tree.ts";
import { ChangesFacts, NodeFacts, Refused, type Server } from "./server.ts";
import {
  folderEntry,
  folderIds,
  isElsewhere,
  isSkipped,
  keepBeside,
  nameFault,
  orSkip,
  pathKey,
  replace,
  type Situation,
  type Syncing,
} from "./sync-situation.ts";
import type { SyncState } from "./sync-state.ts";

const tagOf = ({ version }: NodeFacts) => ({ "if-match": `"${version}"` });

/** Makes the folders on the server that are new on this machine, or takes those for the same that the server has under their paths. */
export async function pushFolders(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { server, state } = syncing;
  const ids = new Map(folderIds(syncing, situation));
  const known = new Map([...situation.remote.values()].map((one) => [pathKey(one.path), one]));
  let isChanged = false;
  for (const item of situation.free.values()) {
    const { path, kind } = item;
    const parentId = ids.get(folderOf(path));
    if (kind !== "folder" || !parentId || isSkipped(syncing, path)) continue;
    const there = known.get(pathKey(path));
    const isDeletedHere = there && state.entries.has(there.id) && !situation.links.has(there.id);
    if (isDeletedHere) continue;
    if (there && (there.kind === "file" || state.entries.has(there.id))) {
      await keepBeside(syncing, path);
      return true;
    }
    const fault = nameFault(path);
    if (fault !== undefined) syncing.report.skipped.set(path, fault);
    if (fault !== undefined) continue;
    await orSkip(syncing, path, async () => {
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
    await orSkip(syncing, path, async () => {
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

/** Puts in the trash of the server what was deleted on this machine, and was not changed there since. */
export async function pushDeletions(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { state } = syncing;
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
      !isSkipped(syncing, entry.path) &&
      there.revision === entry.content?.revision &&
      (below.get(id) ?? []).every((child) => isDeletable(child.id));
    decided.set(id, is);
    return is;
  };
  let isChanged = false;
  for (const entry of state.entries.values()) {
    const there = situation.remote.get(entry.id);
    if (situation.links.has(entry.id) || isSkipped(syncing, entry.path)) continue;
    if (!there || !isDeletable(entry.id)) {
      state.entries.delete(entry.id); // gone here and there, or changed there: it comes back
      isChanged = true;
      continue;
    }
    if (isDeletable(there.parentId)) continue;
    await orSkip(syncing, entry.path, async () => {
      await trash(syncing, there);
      for (const one of below.has(entry.id) ? state.entries.values() : [entry])
        if (one.id === entry.id || one.path.startsWith(`${entry.path}/`))
          state.entries.delete(one.id);
      isChanged = true;
    });
  }
  return isChanged;
}

/** Puts a node in the trash; a folder is taken out again if that has taken along what somebody has changed meanwhile. */
async function trash({ server, state, report }: Syncing, there: RemoteItem): Promise<void> {
  const path = `nodes/${there.id}`;
  await server.open("DELETE", path, { headers: tagOf(there) });
  if (there.kind === "folder" && (await tookMore(server, state, there.id))) {
    await server.open("POST", `${path}/restoration`, { json: {} });
    return;
  }
  report.deleted.push(there.path);
  forget(state.mirror, there);
}

/** Whether something below a folder has changed since the mirror was refreshed. */
async function tookMore(server: Server, { mirror, pairing }: SyncState, folderId: NodeId) {
  const query = { limit: pageSize, cursor: mirror.cursor };
  const path = `spaces/${pairing.spaceId}/changes`;
  const { items, hasMore } = await server.ask(ChangesFacts, "GET", path, { query });
  const changed = new Map(items.map((item) => [item.id, item]));
  const isBelow = (id: NodeId | undefined): boolean =>
    id !== undefined &&
    (id === folderId || isBelow((changed.get(id) ?? mirror.nodes.get(id))?.parentId));
  const isNews = ({ id, parentId, revision }: NodeFacts) =>
    isBelow(parentId) && revision !== mirror.nodes.get(id)?.revision;
  return hasMore || items.some(isNews);
}
