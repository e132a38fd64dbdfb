import { SearchNodes } from "../../application/nodes/search-nodes.ts";
import { nameKey, type NodeName } from "../../domain/node-name.ts";
import type { Placed } from "../../domain/node.ts";
import {
  argsOf,
  flagIn,
  listIn,
  numberIn,
  optionalText,
  tagIn,
  textIn,
  type Args,
} from "./arguments.ts";
import {
  bare,
  fileMetadata,
  folderMetadata,
  metadataOf,
  revIn,
  revOfPath,
  type Names,
} from "./metadata.ts";
import { find, findNode, namesIn, placed, placeFor, spacesOf, type Asked } from "./places.ts";
import {
  conflictWith,
  failed,
  granted,
  malformed,
  outcomeOf,
  tagged,
  type Tagged,
} from "./refusals.ts";

/** Entries of one batch. */
const maxEntries = 1_000;

const numbered = (args: Args) =>
  flagIn(args, "autorename") ? ({ ifTaken: "number" } as const) : {};

export async function getMetadata(asked: Asked, args: Args): Promise<Tagged> {
  const rev = revOfPath(textIn(args, "path"));
  if (rev) {
    const { drive, context } = asked;
    const { node, names } = await findNode(asked, `id:${rev.nodeId}`);
    const { revision } = rev;
    const read = granted(await drive.readFile({ nodeId: node.id, revision }, context()));
    return fileMetadata(read.file, names);
  }
  const found = await find(asked, textIn(args, "path"));
  if (found.kind === "home") throw failed(tagged("path", { path: tagged("malformed_path") }));
  return metadataOf(found.node, found.names);
}

async function madeFolder(asked: Asked, args: Args): Promise<Tagged> {
  const place = await placeFor(asked, textIn(args, "path"), ["path"]);
  const { nodeId, name, names } = place;
  const asking = { nodeId, name, ...numbered(args) };
  const made = await asked.drive.createFolder(asking, asked.context());
  const folder = await placed(asked, made, { names: [...names, name], around: ["path"] });
  return folderMetadata(folder.id, [...names, folder.name]);
}
export const createFolder = async (asked: Asked, args: Args) => ({
  metadata: bare(await madeFolder(asked, args)),
});

type Relocation = (
  asked: Asked,
  args: Args,
  options: Args,
) => Promise<{ readonly node: Placed; readonly names: Names }>;

/** Copies or moves a file or a folder from a path to another one. */
const relocation =
  (isMove: boolean): Relocation =>
  async (asked, args, options) => {
    const from = await findNode(asked, textIn(args, "from_path"), ["from_lookup"]);
    const {
      nodeId: parentId,
      name,
      names,
    } = await placeFor(asked, textIn(args, "to_path"), ["to"]);
    const input = { nodeId: from.node.id, parentId, name, ...numbered(options) };
    const { drive, context } = asked;
    const there = { names: [...names, name], around: ["to"] };
    const node = isMove
      ? await placed(asked, await drive.moveNode(input, context()), there)
      : await placed(asked, await drive.copyNode(input, context()), there);
    return { node, names: [...names, node.name] };
  };
const [copied, moved] = [relocation(false), relocation(true)];

const relocate = (work: Relocation) => async (asked: Asked, args: Args) => {
  const { node, names } = await work(asked, args, args);
  return { metadata: metadataOf(node, names) };
};
export const copy = relocate(copied);
export const move = relocate(moved);

/** Puts a file or a folder in the trash. `parent_rev`: the revision that a file must have. */
export async function remove(asked: Asked, args: Args) {
  const { node, names } = await findNode(asked, textIn(args, "path"), ["path_lookup"]);
  const rev = optionalText(args, "parent_rev");
  const told = rev === undefined ? undefined : revIn(rev);
  const isOther =
    rev !== undefined &&
    (node.kind !== "file" || told?.nodeId !== node.id || told.revision !== node.content.revision);
  if (isOther) throw failed(tagged("path_write", { path_write: conflictWith("file") }));
  const { drive, context } = asked;
  // If somebody writes between this look and the deletion, the deletion is refused.
  const seen = rev === undefined ? {} : { expectedVersion: node.version };
  granted(await drive.trashNode({ nodeId: node.id, ...seen }, context()), ["path_write"]);
  return { metadata: metadataOf(node, names) };
}

/** Does the entries of a batch one after the other; each has its own result. */
async function batch(
  entries: readonly Args[],
  work: (args: Args) => Promise<object>,
  around: readonly string[] = [],
): Promise<Tagged> {
  const done: Tagged[] = [];
  for (const entry of entries) done.push(await outcomeOf(() => work(entry), around));
  return tagged("complete", { entries: done });
}

const relocateAll =
  (work: Relocation) =>
  (asked: Asked, args: Args): Promise<Tagged> =>
    batch(
      listIn(args, "entries", maxEntries),
      async (entry) => {
        const { node, names } = await work(asked, entry, args);
        return { success: metadataOf(node, names) };
      },
      ["relocation_error"],
    );
export const copyAll = relocateAll(copied);
export const moveAll = relocateAll(moved);

export const removeAll = (asked: Asked, args: Args): Promise<Tagged> =>
  batch(listIn(args, "entries", maxEntries), (entry) => remove(asked, entry));

export function createFolders(asked: Asked, args: Args): Promise<Tagged> {
  const paths = args["paths"];
  const entries = Array.isArray(paths) ? paths.map((path: unknown) => ({ ...args, path })) : paths;
  return batch(listIn({ paths: entries }, "paths", maxEntries), async (entry) => ({
    metadata: bare(await madeFolder(asked, entry)),
  }));
}

const keyOf = (name: string): string => nameKey(name as NodeName);

/** Looks for names, in a folder, a space or all of them. */
export async function search(asked: Asked, args: Args) {
  const { drive, context } = asked;
  const options = argsOf(args, "options");
  for (const name of ["file_categories", "file_extensions"])
    if (options[name] !== undefined && options[name] !== null)
      throw malformed(`${name} is not known here`);
  if (tagIn(options, "file_status", "active").tag !== "active")
    throw malformed("file_status must be active");
  const limit = numberIn(options, "max_results", { least: 1, most: 1_000, usual: 100 });
  const below = namesIn(optionalText(options, "path") ?? "", ["path"]).map(keyOf);
  const spaces = await spacesOf(asked);
  const matches: object[] = [];
  for (const space of spaces) {
    const [first, ...folders] = below;
    if (first !== undefined && keyOf(space.segment) !== first && space.id !== first) continue;
    const query = { spaceId: space.id, q: textIn(args, "query"), limit: Math.min(limit, 100) };
    const asking = SearchNodes.parse(query);
    if (!asking.ok) throw malformed("query must have 2 to 255 characters");
    const found = granted(await drive.searchNodes(asking.value, context()));
    for (const { node, above } of found.items) {
      if (!folders.every((folder, i) => keyOf(above[i] ?? "") === folder)) continue;
      const metadata = metadataOf(node, [space.segment, ...above, node.name]);
      matches.push({ metadata: tagged("metadata", { metadata }) });
    }
  }
  return { matches: matches.slice(0, limit), has_more: false };
}
