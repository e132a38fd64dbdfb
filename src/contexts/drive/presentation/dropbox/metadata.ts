import { createHash } from "node:crypto";
import { Instant } from "#kernel/instant.ts";
import { NodeId } from "../../domain/ids.ts";
import type { Content, RevisionNumber } from "../../domain/content.ts";
import type { Node } from "../../domain/node.ts";
import { tagged, type Tagged } from "./refusals.ts";

/** The names of a node from the space on. */
export type Names = readonly string[];

const displayOf = (names: Names): string => `/${names.join("/")}`;
const placeOf = (names: Names) => ({
  name: names.at(-1) ?? "",
  path_display: displayOf(names),
  path_lower: displayOf(names).toLowerCase(),
});

/** Whole seconds, as this API has times. */
const secondOf = (at: Instant): string => at.replace(/\.\d+Z$/, "Z");

const digits = 8;
/** One content that a file has had, in hexadecimal, as clients expect it. */
export const revOf = (id: NodeId, revision: RevisionNumber): string =>
  Buffer.from(id.slice(id.indexOf("_") + 1)).toString("hex") +
  revision.toString(16).padStart(digits, "0");

/** The file and the revision that a `rev` names. */
export function revIn(
  rev: string,
): { readonly nodeId: NodeId; readonly revision: RevisionNumber } | undefined {
  if (!/^[0-9a-f]{60}$/.test(rev)) return undefined;
  const id = NodeId.parse(`node_${Buffer.from(rev.slice(0, -digits), "hex").toString("latin1")}`);
  const revision = Number.parseInt(rev.slice(-digits), 16) as RevisionNumber;
  return id.ok && revision > 0 ? { nodeId: id.value, revision } : undefined;
}

/** The file and the revision that a path names, as in `rev:…`. */
export const revOfPath = (path: string) =>
  revIn(path.startsWith("rev:") ? path.slice("rev:".length) : "");

/** Bytes whose digests are digested together. Source: Dropbox's content hash. */
const blockBytes = 4 * 2 ** 20;

/** The content hash of bytes that pass. */
export function contentHash() {
  const whole = createHash("sha256");
  let block = createHash("sha256");
  let filled = 0;
  return {
    update(bytes: Uint8Array): void {
      for (let at = 0; at < bytes.length;) {
        const piece = bytes.subarray(at, at + blockBytes - filled);
        block.update(piece);
        filled += piece.length;
        at += piece.length;
        if (filled < blockBytes) continue;
        whole.update(block.digest());
        block = createHash("sha256");
        filled = 0;
      }
    },
    end(): string {
      if (filled > 0) whole.update(block.digest());
      return whole.digest("hex");
    },
  };
}

/** The content hash of a file of one block follows from its SHA-256. For a larger file it is known only where its bytes pass. */
function knownHash({ size, hash }: Pick<Content, "size" | "hash">): string | undefined {
  if (size === 0) return hash;
  if (size > blockBytes) return undefined;
  return createHash("sha256").update(Buffer.from(hash, "hex")).digest("hex");
}

/** `hash`: the content hash, where it is known. */
export function fileMetadata(
  { id, content, changedAt }: Pick<Extract<Node, { kind: "file" }>, "id" | "content" | "changedAt">,
  names: Names,
  hash = knownHash(content),
): Tagged {
  return tagged("file", {
    ...placeOf(names),
    id: `id:${id}`,
    client_modified: secondOf(content.modifiedAt),
    server_modified: secondOf(changedAt),
    rev: revOf(id, content.revision),
    size: content.size,
    is_downloadable: true,
    ...(hash === undefined ? {} : { content_hash: hash }),
  });
}

export const folderMetadata = (id: string, names: Names): Tagged =>
  tagged("folder", { ...placeOf(names), id: `id:${id}` });

export const metadataOf = (node: Node, names: Names): Tagged =>
  node.kind === "file" ? fileMetadata(node, names) : folderMetadata(node.id, names);

export const deletedMetadata = (names: Names): Tagged => tagged("deleted", placeOf(names));

/** Metadata without the name of their case, as endpoints answer that have one case only. */
export const bare = ({ ".tag": _tag, ...fields }: Tagged): object => fields;
