import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest, RevisionNumber, Sha256 } from "../domain/content.ts";
import type { NodeId, SpaceId } from "../domain/ids.ts";
import { ownFolder } from "./local-tree.ts";
import { alone } from "./alone.ts";
import type { Mirror } from "./remote-tree.ts";
import type { NodeFacts } from "./server.ts";

/** What was the same here and there when it was last synced. */
export type Entry = {
  readonly id: NodeId;
  readonly kind: "folder" | "file";
  readonly parentId: NodeId;
  readonly path: string;
  readonly inode: string;
  /** Of files. */
  readonly content?: {
    readonly revision: RevisionNumber;
    readonly hash: Sha256;
    readonly size: number;
    readonly changedMs: number;
  };
};

/** Where a folder is synced with. */
export type Pairing = {
  readonly url: string;
  readonly spaceId: SpaceId;
  readonly folderId: NodeId;
};

export type SyncState = {
  /** Of the synced folder: a copy of it, with this state in it, is another folder, whose contents are compared. */
  readonly inode: string;
  readonly pairing: Pairing;
  readonly mirror: Mirror;
  readonly entries: Map<NodeId, Entry>;
};

/** Of larger files, the chunks are kept: an edit is told by those that stay. */
const leastChunks = 8;
const format = 1;

let drafts = 0;

/** Writes a file so that it is there as a whole, or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  drafts += 1;
  const draft = `${path}.${drafts}.draft`;
  {
    await using file = await open(draft, "w");
    await file.writeFile(text);
    await file.sync();
  }
  await rename(draft, path);
}

/** What a client keeps of a synced folder, in `.basalt` below it. */
export function stateIn(root: string) {
  const folder = join(root, ownFolder);
  const file = join(folder, "state.json");
  let saved = Promise.resolve();
  const manifestOf = (hash: Sha256) => join(folder, "manifests", `${hash}.json`);
  return {
    /** Where a download comes to lie until it is whole. */
    partOf: ({ id, revision }: { readonly id: NodeId; readonly revision: RevisionNumber }) =>
      join(folder, "parts", `${id}.${revision}`),
    movingOf: (id: string) => join(ownFolder, "moving", id),

    async prepare(): Promise<void> {
      for (const name of ["parts", "moving", "manifests"])
        await mkdir(join(folder, name), { recursive: true });
    },
    alone: () => alone(join(folder, "lock"), root),
    async load(inode: string): Promise<SyncState | undefined> {
      const text = await readFile(file, "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      const {
        format: found,
        inode: known,
        pairing,
        cursor,
        nodes,
        entries,
      } = JSON.parse(text) as {
        readonly format: number;
        readonly inode: string;
        readonly pairing: Pairing;
        readonly cursor: string;
        readonly nodes: readonly NodeFacts[];
        readonly entries: readonly Entry[];
      };
      if (found !== format) throw new Error(`${file} is of another version of Basalt`);
      if (known !== inode) return undefined;
      return {
        inode,
        pairing,
        mirror: { cursor, nodes: new Map(nodes.map((node) => [node.id, node])) },
        entries: new Map(entries.map((entry) => [entry.id, entry])),
      };
    },
    save({ inode, pairing, mirror, entries }: SyncState): Promise<void> {
      const nodes = [...mirror.nodes.values()];
      const kept = {
        format,
        inode,
        pairing,
        cursor: mirror.cursor,
        nodes,
        entries: [...entries.values()],
      };
      const text = JSON.stringify(kept);
      saved = saved.then(() => writeWhole(file, text));
      return saved;
    },
    async keepManifest(hash: Sha256, manifest: Manifest): Promise<void> {
      if (manifest.length >= leastChunks)
        await writeWhole(manifestOf(hash), JSON.stringify(manifest));
    },
    async manifest(hash: Sha256): Promise<Manifest | undefined> {
      const text = await readFile(manifestOf(hash), "utf8").catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as Manifest);
    },
    forgetManifest: (hash: Sha256) => rm(manifestOf(hash), { force: true }),
  };
}
export type StateFiles = ReturnType<typeof stateIn>;
