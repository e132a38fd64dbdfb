import { saved, type Change } from "#kernel/change.ts";
import type { NewId } from "#kernel/id.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Manifest } from "../../domain/content.ts";
import type { DriveEvent } from "../../domain/events.ts";
import { NodeId, type SpaceId } from "../../domain/ids.ts";
import { nameKey, type NodeName } from "../../domain/node-name.ts";
import {
  maxDepth,
  Node,
  type Folder,
  type Located,
  type NameTaken,
  type NotAFolder,
  type Placed,
  type PlacedFile,
  type TooDeep,
} from "../../domain/node.ts";
import type { Nodes } from "../ports/nodes.ts";
import { maxEntries, type TooManyEntries } from "./receive-archive.ts";
import type {
  Arrived,
  ArrivedFile,
  ArrivedFolder,
  Belonging,
  EntryUnsupported,
  NameInvalid,
} from "./receive-archive.ts";

type NoPlaceForEntry = NotAFolder | TooDeep | NameTaken;
export type EntryRefusal = NoPlaceForEntry | NameInvalid | EntryUnsupported;
/** What has become of an entry. A file or a folder that is there already, with the same content, is `unchanged`. */
export type EntryResult = { readonly path: string } & (
  | { readonly outcome: "created" | "unchanged"; readonly node: Placed }
  | { readonly outcome: "refused"; readonly refusal: EntryRefusal }
);

export type PlacedEntries = {
  readonly results: readonly EntryResult[];
  readonly created: readonly Change<Placed, DriveEvent>[];
  readonly contents: readonly { readonly file: PlacedFile; readonly manifest: Manifest }[];
};

/** A folder that something may come to lie in. `node` is missing for the one that the archive is for. */
type Place = {
  readonly id: NodeId;
  readonly depth: number;
  readonly isNew: boolean;
  readonly node?: Placed;
};
type Making = { readonly newId: NewId; readonly at: Instant };

/** `places`: folders by their names from the top. `there`: nodes by folder and name. */
type Placing = Making & {
  readonly spaceId: SpaceId;
  readonly places: Map<string, Result<Place, NoPlaceForEntry>>;
  readonly there: Map<string, Placed>;
  readonly created: Change<Placed, DriveEvent>[];
  readonly contents: { readonly file: PlacedFile; readonly manifest: Manifest }[];
};

/** The key of a folder in the one with another key. */
const keyIn = (key: string, name: NodeName): string =>
  key === "" ? nameKey(name) : `${key}/${nameKey(name)}`;
const spotKey = (parentId: NodeId, name: NodeName): string => `${parentId} ${nameKey(name)}`;

/** The folders that entries are or lie in, each once, those nearer to the top first. */
function foldersOf(entries: readonly Arrived[]): readonly Belonging[] {
  const folders = new Map<string, Belonging>();
  for (const entry of entries) {
    if (entry.kind === "refused") continue;
    const names = entry.kind === "folder" ? [...entry.within, entry.name] : entry.within;
    let above = "";
    for (const [level, name] of names.entries()) {
      const key = keyIn(above, name);
      if (!folders.has(key)) folders.set(key, { within: names.slice(0, level), key: above, name });
      above = key;
    }
  }
  return [...folders.values()].toSorted((a, b) => a.within.length - b.within.length);
}

function placeOf({ places }: Placing, key: string): Result<Place, NoPlaceForEntry> {
  const place = places.get(key);
  if (!place) throw new Error("a folder of an archive has no place");
  return place;
}

/** Looks up what lies where some entries belong, in folders that are there already. */
async function lookUp(nodes: Nodes, placing: Placing, some: readonly Belonging[]): Promise<void> {
  const spots = some.flatMap((one) => {
    const parent = placeOf(placing, one.key);
    return parent.ok && !parent.value.isNew ? [{ parentId: parent.value.id, name: one.name }] : [];
  });
  if (spots.length === 0) return;
  for (const node of await nodes.named(spots))
    placing.there.set(spotKey(node.parentId, node.name), node);
}

function make(placing: Placing, change: Change<Placed, DriveEvent>): Placed {
  const node = saved(change);
  placing.created.push(change);
  placing.there.set(spotKey(node.parentId, node.name), node);
  return node;
}

const creationOf = ({ newId, spaceId, at }: Placing, name: NodeName) => ({
  id: newId(NodeId),
  spaceId,
  name,
  createdAt: at,
});

/** The folder where one belongs: the one that is there, or a new one. */
function placeFolder(placing: Placing, folder: Belonging): Result<Place, NoPlaceForEntry> {
  const parent = placeOf(placing, folder.key);
  if (!parent.ok) return parent;
  const { name } = folder;
  const { id: parentId, depth: depthAbove } = parent.value;
  const depth = depthAbove + 1;
  const there = placing.there.get(spotKey(parentId, name));
  if (there?.kind === "file") return err({ type: "not-a-folder", nodeId: there.id });
  if (there) return ok({ id: there.id, depth, isNew: false, node: there });
  if (depth > maxDepth) return err({ type: "too-deep", maxDepth });
  const node = make(placing, Node.createFolder(creationOf(placing, name), parentId));
  return ok({ id: node.id, depth, isNew: true, node });
}

/** Makes a file where it belongs, unless something is there. */
function placeFile(placing: Placing, file: ArrivedFile): EntryResult {
  const { path, name } = file;
  const parent = placeOf(placing, file.key);
  if (!parent.ok) return { path, outcome: "refused", refusal: parent.error };
  const parentId = parent.value.id;
  const there = placing.there.get(spotKey(parentId, name));
  const { manifest, ...held } = file.content;
  if (there?.kind === "file" && there.content.hash === held.hash)
    return { path, outcome: "unchanged", node: there };
  if (there)
    return { path, outcome: "refused", refusal: { type: "name-taken", takenBy: there.id } };
  const node = make(placing, Node.createFile(creationOf(placing, name), parentId, held));
  if (node.kind === "file") placing.contents.push({ file: node, manifest });
  return { path, outcome: "created", node };
}

/** What is told of a folder: that it was created, the first time. */
function tellFolder(placing: Placing, entry: ArrivedFolder, told: Set<NodeId>): EntryResult {
  const { path, key, name } = entry;
  const place = placeOf(placing, keyIn(key, name));
  if (!place.ok) return { path, outcome: "refused", refusal: place.error };
  const { id, isNew, node } = place.value;
  if (!node) throw new Error("the folder of an archive is no entry of it");
  const outcome = isNew && !told.has(id) ? "created" : "unchanged";
  told.add(id);
  return { path, outcome, node };
}

/** Decides what becomes of the entries of an archive in a folder. The folders on the way are as many as entries may be. */
export async function placeEntries(
  nodes: Nodes,
  { node: top, above }: Located<Folder>,
  entries: readonly Arrived[],
  making: Making,
): Promise<Result<PlacedEntries, TooManyEntries>> {
  const folders = foldersOf(entries);
  if (folders.length > maxEntries) return err({ type: "too-many-entries", maxEntries });
  const place = { id: top.id, depth: above.length + 1, isNew: false };
  const placing: Placing = {
    ...making,
    spaceId: top.spaceId,
    places: new Map([["", ok(place)]]),
    there: new Map(),
    created: [],
    contents: [],
  };
  for (const level of Map.groupBy(folders, ({ within }) => within.length).values()) {
    await lookUp(nodes, placing, level);
    for (const folder of level)
      placing.places.set(keyIn(folder.key, folder.name), placeFolder(placing, folder));
  }
  await lookUp(
    nodes,
    placing,
    entries.flatMap((entry) => (entry.kind === "file" ? [entry] : [])),
  );
  const told = new Set<NodeId>();
  const results = entries.map((entry): EntryResult => {
    if (entry.kind === "file") return placeFile(placing, entry);
    if (entry.kind === "folder") return tellFolder(placing, entry, told);
    return { path: entry.path, outcome: "refused", refusal: entry.refusal };
  });
  return ok({ results, created: placing.created, contents: placing.contents });
}
