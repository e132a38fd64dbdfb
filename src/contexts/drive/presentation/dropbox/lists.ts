import type { Context } from "#kernel/context.ts";
import { expect } from "#kernel/result.ts";
import { awaitNews, type Told } from "#platform/http/changes.ts";
import type { Secrets } from "#platform/secrets/secrets.ts";
import { ListChanges, type ChangeCursor } from "../../application/changes/list-changes.ts";
import { NodePageSize } from "../../application/nodes/read-nodes.ts";
import type { NodeId, SpaceId } from "../../domain/ids.ts";
import { nameKey, type NameKey } from "../../domain/node-name.ts";
import type { Placed } from "../../domain/node.ts";
import { flagIn, numberIn, textIn, type Args } from "./arguments.ts";
import { deletedMetadata, folderMetadata, metadataOf, type Names } from "./metadata.ts";
import { anyPlaceOf, find, spacesOf, type Asked } from "./places.ts";
import { failed, granted, malformed, tagged, type Tagged } from "./refusals.ts";

/** A folder that is listed, and the last name that was told of it. */
type Level = { readonly id: NodeId; readonly after?: NameKey | undefined };

/** The position of a client: in the list of a folder (`levels`, from the folder down), or, once that is empty, in its changes (`mark`). */
type Following = {
  readonly actor: string;
  /** Undefined of the folder of all spaces. */
  readonly spaceId?: SpaceId | undefined;
  readonly folderId?: NodeId | undefined;
  readonly names: Names;
  readonly isDeep: boolean;
  readonly limit: number;
  readonly mark?: ChangeCursor | undefined;
  readonly levels: readonly Level[];
};

type Signing = Pick<Secrets, "sign" | "isSigned">;
const purpose = "dropbox-cursor";

/** Cursors are signed, because clients wait for a change without a credential. */
export const cursors = (secrets: Signing) => ({
  write(following: Following): string {
    const text = Buffer.from(JSON.stringify(following)).toString("base64url");
    return `${text}.${secrets.sign(text, purpose)}`;
  },
  read(cursor: string): Following {
    const [text = "", signature = ""] = cursor.split(".");
    if (!secrets.isSigned(text, signature, purpose)) throw malformed("cursor is none of ours");
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Following;
  },
});
export type Cursors = ReturnType<typeof cursors>;

type Listed = {
  readonly entries: readonly Tagged[];
  readonly cursor: string;
  readonly has_more: boolean;
};

/** The present of a space. */
async function present({ drive, context }: Asked, spaceId: SpaceId): Promise<ChangeCursor> {
  const asking = expect(ListChanges.parse({ spaceId }));
  return granted(await drive.listChanges(asking, context())).nextCursor;
}

async function followingOf(asked: Asked, args: Args): Promise<Following> {
  const found = await find(asked, textIn(args, "path"));
  const isDeep = flagIn(args, "recursive");
  const limit = numberIn(args, "limit", { least: 1, most: 2_000, usual: 1_000 });
  const { actor } = asked.context();
  if (found.kind === "home") {
    if (isDeep) throw malformed("recursive is for a space or a folder in it");
    return { actor, names: [], isDeep, limit, levels: [] };
  }
  const { node, names } = found;
  if (node.kind !== "folder") throw failed(tagged("path", { path: tagged("not_folder") }));
  const mark = await present(asked, node.spaceId);
  const levels = [{ id: node.id }];
  return { actor, spaceId: node.spaceId, folderId: node.id, names, isDeep, limit, mark, levels };
}

/** A level whose children are being told. */
type Open = Level & { readonly items: Placed[]; readonly isLast: boolean };

/** The next children of a folder. */
async function opened(
  { drive, context }: Asked,
  { id, after }: Level,
  wanted: number,
): Promise<Open> {
  const limit = expect(NodePageSize.parse(Math.min(wanted, 1_000)));
  const cursor = after === undefined ? {} : { cursor: after };
  const page = granted(await drive.listChildren({ nodeId: id, limit, ...cursor }, context()));
  return { id, after, items: [...page.items], isLast: page.nextCursor === undefined };
}

/** The next nodes of a list, in order: each folder comes before its children. */
async function walked(
  asked: Asked,
  { levels: from, isDeep, limit }: Following,
): Promise<{ readonly nodes: readonly Placed[]; readonly levels: readonly Level[] }> {
  const nodes: Placed[] = [];
  const levels: (Level | Open)[] = [...from];
  while (levels.length > 0 && nodes.length < limit) {
    const level = levels.pop() as Level | Open;
    const open = "items" in level ? level : await opened(asked, level, limit - nodes.length);
    const node = open.items.shift();
    if (node) {
      nodes.push(node);
      levels.push({ ...open, after: nameKey(node.name) });
      if (isDeep && node.kind === "folder") levels.push({ id: node.id });
    } else if (!open.isLast) levels.push({ id: open.id, after: open.after });
  }
  return { nodes, levels: levels.map(({ id, after }) => ({ id, after })) };
}

/** The metadata of nodes that have not moved since the list was begun. `continue` tells the others as changes. */
async function toldOf(
  { drive, context }: Asked,
  { folderId, mark, names: base }: Following,
  nodes: readonly Placed[],
): Promise<readonly Tagged[]> {
  if (folderId === undefined || mark === undefined) return [];
  const nodeIds = nodes.map(({ id }) => id);
  const unmoved = granted(await drive.findUnmoved({ folderId, nodeIds, cursor: mark }, context()));
  return nodes.flatMap((node) => {
    const names = unmoved.get(node.id);
    return names ? [metadataOf(node, [...base, ...names])] : [];
  });
}

async function list(
  asked: Asked,
  following: Following,
  { write }: Cursors,
  self: readonly Tagged[] = [],
): Promise<Listed> {
  const { nodes, levels } = await walked(asked, following);
  const entries = [...self, ...(await toldOf(asked, following, nodes))];
  return { entries, cursor: write({ ...following, levels }), has_more: levels.length > 0 };
}

/** Lists a folder. The cursor goes on with the list, and then with what changes. */
export const listFolder = (cursoring: Cursors) => async (asked: Asked, args: Args) => {
  const following = await followingOf(asked, args);
  const { folderId, isDeep, names } = following;
  // A list of all that lies below begins with the folder.
  const self = folderId !== undefined && isDeep ? [folderMetadata(folderId, names)] : [];
  if (folderId !== undefined) return list(asked, following, cursoring, self);
  const spaces = await spacesOf(asked);
  const entries = spaces.map(({ rootId, segment }) => folderMetadata(rootId, [segment]));
  return { entries, cursor: cursoring.write(following), has_more: false };
};

export const latestCursor = (cursoring: Cursors) => async (asked: Asked, args: Args) => {
  const following = await followingOf(asked, args);
  return { cursor: cursoring.write({ ...following, levels: [] }) };
};

/** Continues a list, or tells the changes since. */
export const continueList =
  (cursoring: Cursors) =>
  async (asked: Asked, args: Args): Promise<Listed> => {
    const following = cursoring.read(textIn(args, "cursor"));
    if (following.actor !== asked.context().actor) throw malformed("cursor is none of yours");
    const { folderId, mark, names, isDeep, levels } = following;
    if (folderId === undefined || mark === undefined)
      return { entries: [], cursor: cursoring.write(following), has_more: false };
    if (levels.length > 0) return list(asked, following, cursoring);
    const { drive, context } = asked;
    // Paths that the client knows begin with the path of the folder: if that has changed, the client lists again.
    const place = await anyPlaceOf(asked, folderId, ["path"]);
    if (place.inTrash || place.names.slice(1).join("/") !== names.slice(1).join("/"))
      throw failed(tagged("reset"));
    const changes = await drive.listPathChanges({ folderId, isDeep, cursor: mark }, context());
    if (!changes.ok && changes.error.type === "cursor-lost") throw failed(tagged("reset"));
    const { gone, there, nextCursor, hasMore } = granted(changes);
    return {
      entries: [
        ...gone.map((one) => deletedMetadata([...names, ...one])),
        ...there.map(({ node, names: below }) => metadataOf(node, [...names, ...below])),
      ],
      cursor: cursoring.write({ ...following, mark: nextCursor }),
      has_more: hasMore,
    };
  };

/** Seconds that a client may wait. This API has up to 480; it asks again. */
const maxWaitS = 60;

type Waiting = {
  readonly cursoring: Cursors;
  readonly toldOf: (spaceId: SpaceId) => Told;
  readonly wait: () => AbortSignal | undefined;
  readonly context: Context;
};

/** Waits until something changes. Clients send no credential here: the cursor is one, for this alone. */
export async function awaitChanges(
  { drive }: Pick<Asked, "drive">,
  args: Args,
  { cursoring, toldOf, wait, context }: Waiting,
): Promise<object> {
  const { actor, spaceId, mark } = cursoring.read(textIn(args, "cursor"));
  const seconds = numberIn(args, "timeout", { least: 0, most: 480, usual: 30 });
  const ending = wait();
  if (ending === undefined || spaceId === undefined || mark === undefined)
    return { changes: false, backoff: maxWaitS };
  const asking = expect(ListChanges.parse({ spaceId, cursor: mark, limit: 1 }));
  const page = await awaitNews(
    {
      ask: (passedMs) =>
        drive.listChanges(asking, { ...context, actor, deadlineMs: context.deadlineMs + passedMs }),
      isNews: ({ items, purged }) => items.length + purged.length > 0,
      waitMs: Math.min(seconds, maxWaitS) * 1_000,
      ending,
    },
    toldOf(spaceId),
  );
  // A client with a lost cursor is told `reset` when it calls `continue`.
  return { changes: !page.ok || page.value.items.length + page.value.purged.length > 0 };
}
