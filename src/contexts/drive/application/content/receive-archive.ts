import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { chunksOf } from "../../domain/cut-chunks.ts";
import type {
  ByteCount,
  ChunkRef,
  Manifest,
  MediaType,
  NewContent,
  Sha256,
} from "../../domain/content.ts";
import { nameKey, NodeName } from "../../domain/node-name.ts";
import { maxDepth, type TooDeep } from "../../domain/node.ts";
import type { Location } from "../ports/chunks.ts";
import { keeping, type KeepingDeps, type NamedBytes } from "./keep-chunks.ts";

/** Files and folders that one archive has at most, and its bytes. */
export const [maxEntries, maxArchiveBytes] = [1_000, 64 * 2 ** 20];
/** Characters of the path of an entry. */
export const maxEntryPath = 32_768;
/** Chunks that are kept together, by their bytes. */
const keptBytes = 2 ** 20;

export type TooManyEntries = { readonly type: "too-many-entries"; readonly maxEntries: number };
/** It is no archive, or it ends too early. */
export type ArchiveInvalid = { readonly type: "archive-invalid" };
/** Thrown where an archive cannot be read. */
export class ArchiveBroken extends Error {}

/** A file or a folder in an archive, as it arrives. `other`: a link, a device or the like. */
export type ArchiveEntry = {
  readonly path: string;
  readonly kind: "file" | "folder" | "other";
  readonly modifiedAt: Instant | undefined;
  readonly bytes: AsyncIterable<Uint8Array>;
};
/** An archive that arrives once. Whoever asks again, after a lost race, is given what the first one has received. */
export type UploadedArchive = {
  /** Tells its bytes from others, once it was received. */
  readonly digest: () => string;
  readonly receive: <T>(work: (entries: AsyncIterable<ArchiveEntry>) => Promise<T>) => Promise<T>;
};

/** Its path has a name that a node cannot have. */
export type NameInvalid = { readonly type: "name-invalid"; readonly name: string };
export type EntryUnsupported = { readonly type: "entry-unsupported" };

/** Where an entry belongs. `within`: the folders down to it, from the one that the archive is for; `key` tells these from others. */
export type Belonging = {
  readonly within: readonly NodeName[];
  readonly key: string;
  readonly name: NodeName;
};
/** What has come of an entry. */
export type ArrivedFile = Belonging & {
  readonly path: string;
  readonly kind: "file";
  readonly content: NewContent & { readonly manifest: Manifest };
};
export type ArrivedFolder = Belonging & { readonly path: string; readonly kind: "folder" };
export type Arrived =
  | ArrivedFile
  | ArrivedFolder
  | {
      readonly path: string;
      readonly kind: "refused";
      readonly refusal: NameInvalid | TooDeep | EntryUnsupported;
    };

export type ArrivedArchive = {
  readonly entries: readonly Arrived[];
  /** Chunks that are not in the index yet, and where they are. */
  readonly fresh: ReadonlyMap<Sha256, Location>;
};

/** Where a path belongs, as archives spell it: `./Photos/2026/`. Undefined for the folder that the archive is for. */
function belongingOf(path: string): Result<Belonging | undefined, NameInvalid | TooDeep> {
  const within: NodeName[] = [];
  const all = path.split("/").filter((one) => one !== "" && one !== ".");
  if (all.length > maxDepth) return err({ type: "too-deep", maxDepth });
  for (const spelled of all) {
    const name = NodeName.parse(spelled);
    if (!name.ok) return err({ type: "name-invalid", name: spelled });
    within.push(name.value);
  }
  const name = within.pop();
  return ok(name && { within, key: within.map(nameKey).join("/"), name });
}

async function drained(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _piece of bytes);
}

/** Keeps the chunks of all files of an archive as it arrives, and returns once they outlive a crash. */
export async function receiveArchive(
  deps: KeepingDeps,
  archive: AsyncIterable<ArchiveEntry>,
  context: () => Context,
): Promise<Result<ArrivedArchive, TooManyEntries | ArchiveInvalid>> {
  const { keep, rest } = keeping(deps, context);
  const entries: Arrived[] = [];
  let waiting: NamedBytes[] = [];
  let waitingBytes = 0;

  async function contentOf({ bytes, modifiedAt }: Pick<ArchiveEntry, "bytes" | "modifiedAt">) {
    let sniffed: Promise<MediaType> | undefined;
    const digest = deps.digests.running();
    const manifest: ChunkRef[] = [];
    let size = 0;
    for await (const chunks of chunksOf(bytes)) {
      sniffed ??= deps.sniff(chunks[0]);
      for (const chunk of chunks) {
        digest.update(chunk);
        const hash = deps.digests.sha256(chunk);
        manifest.push({ hash, size: chunk.length });
        waiting.push({ hash, bytes: chunk });
        size += chunk.length;
        waitingBytes += chunk.length;
      }
      if (waitingBytes < keptBytes) continue;
      await keep(waiting);
      [waiting, waitingBytes] = [[], 0];
    }
    return {
      size: size as ByteCount,
      hash: digest.soFar(),
      manifest,
      mediaType: await (sniffed ?? deps.sniff(undefined)),
      modifiedAt: modifiedAt ?? deps.clock.now(),
    };
  }

  async function arrivedOf(entry: ArchiveEntry): Promise<Arrived | undefined> {
    const { path, kind } = entry;
    const belonging = belongingOf(path);
    if (kind === "file" && belonging.ok && belonging.value)
      return { path, kind, ...belonging.value, content: await contentOf(entry) };
    await drained(entry.bytes);
    if (!belonging.ok) return { path, kind: "refused", refusal: belonging.error };
    if (kind !== "folder") return { path, kind: "refused", refusal: { type: "entry-unsupported" } };
    return belonging.value && { path, kind, ...belonging.value };
  }

  try {
    for await (const entry of archive) {
      if (entry.path.length > maxEntryPath) return err({ type: "archive-invalid" });
      if (entries.length === maxEntries) return err({ type: "too-many-entries", maxEntries });
      const arrived = await arrivedOf(entry);
      if (arrived) entries.push(arrived);
    }
  } catch (error) {
    if (error instanceof ArchiveBroken) return err({ type: "archive-invalid" });
    throw error;
  }
  await keep(waiting);
  return ok({ entries, fresh: await rest() });
}
