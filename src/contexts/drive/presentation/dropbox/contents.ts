import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import { fileAnswer, type DoorAnswer } from "#platform/http/door.ts";
import type { KeptFile } from "../../application/content/receive-content.ts";
import { RevisionPageSize } from "../../application/content/revisions.ts";
import { maxFileBytes } from "../../domain/content.ts";
import { StagingId } from "../../domain/ids.ts";
import type { Node, PlacedFile } from "../../domain/node.ts";
import { sent } from "../content-routes.ts";
import {
  argsOf,
  flagIn,
  headerJson,
  listIn,
  numberIn,
  optionalText,
  tagIn,
  textIn,
  type Args,
} from "./arguments.ts";
import {
  bare,
  contentHash,
  fileMetadata,
  metadataOf,
  revIn,
  revOf,
  type Names,
} from "./metadata.ts";
import { findNode, placeFor, type Asked } from "./places.ts";
import {
  caseOf,
  failed,
  granted,
  malformed,
  outcomeOf,
  tagged,
  within,
  type Around,
  type Refusal,
  type Tagged,
} from "./refusals.ts";

type Body = AsyncIterable<Uint8Array>;
/** Sessions that one request ends. */
const maxFinished = 1_000;

/** Refused as `path`, with the reason and an id that nothing is known of. */
const unwritten = (reason: Tagged): Tagged =>
  tagged("path", { reason, upload_session_id: "", path: reason });

/** Passes bytes on, and knows their content hash behind the last one. */
function hashed(bytes: Body) {
  const hash = contentHash();
  async function* passing(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      hash.update(piece);
      yield piece;
    }
  }
  return { bytes: passing(), hash: () => hash.end() };
}

type Commit = {
  readonly path: string;
  readonly mode: { readonly tag: string; readonly more: Args };
  readonly isNumbered: boolean;
  readonly isStrict: boolean;
  readonly modifiedAt: Instant | undefined;
};

function commitIn(args: Args): Commit {
  const told = optionalText(args, "client_modified");
  const modifiedAt = told === undefined ? undefined : Instant.parse(told);
  if (modifiedAt?.ok === false) throw malformed("client_modified must be an instant");
  return {
    path: textIn(args, "path"),
    mode: tagIn(args, "mode", "add"),
    isNumbered: flagIn(args, "autorename"),
    isStrict: flagIn(args, "strict_conflict"),
    modifiedAt: modifiedAt?.value,
  };
}

type Kept = { readonly file: PlacedFile; readonly names: Names };
const conflict = (node: Node): Tagged =>
  tagged("conflict", { conflict: tagged(node.kind === "file" ? "file" : "folder") });

/** What is at a path now, if anything is. */
async function there(asked: Asked, nodeId: Node["id"], names: Names): Promise<Node | undefined> {
  const [space = "", ...below] = names;
  const { drive, context } = asked;
  const way = await drive.resolvePath({ space, names: below }, context());
  const node = way.ok ? way.value.nodes.at(below.length) : undefined;
  return node?.status === "placed" && node.parentId === nodeId ? node : undefined;
}

/** Makes a content that was put together a file's, as the mode says. */
async function kept(
  asked: Asked,
  content: KeptFile,
  { path, mode, isNumbered, isStrict, modifiedAt }: Commit,
  refuse: (reason: Tagged) => Tagged,
): Promise<Kept> {
  const { drive, context } = asked;
  const around: Around = ["path"];
  const place = await placeFor(asked, path, around);
  const { nodeId, name, names } = place;
  const told = modifiedAt === undefined ? {} : { modifiedAt };
  const node = await there(asked, nodeId, [...names, name]);
  const toldAs = (file: PlacedFile): Kept => ({ file, names: [...names, file.name] });
  const value = <V>(result: { ok: true; value: V } | { ok: false; error: Refusal }): V => {
    if (result.ok) return result.value;
    throw failed(refuse(caseOf(result.error)));
  };
  const isSame = node?.kind === "file" && node.content.hash === content.kept.hash;
  if (node?.kind === "file" && isSame && !isStrict && mode.tag !== "overwrite")
    return toldAs(node as PlacedFile);
  if (mode.tag === "update") {
    const base = revIn(textIn(mode.more, "update"));
    if (!base) throw malformed("update must be a rev");
    if (node?.kind !== "file" || base.nodeId !== node.id) {
      if (!isNumbered) throw failed(refuse(conflict(node ?? ({ kind: "file" } as Node))));
    } else {
      const expectedVersion = base.revision as number as Version;
      const ifStale = isNumbered ? "copy" : "refuse";
      const revision = { nodeId: node.id, expectedVersion, content, ifStale, ...told } as const;
      return toldAs(value(await drive.reviseFile(revision, context())));
    }
  }
  if (node?.kind === "folder" && !isNumbered) throw failed(refuse(conflict(node)));
  const replaces = mode.tag === "overwrite" && node?.kind !== "folder";
  const ifTaken = replaces ? "replace" : isNumbered ? "number" : "refuse";
  const file = { nodeId, name, content, ifTaken, ...told } as const;
  return toldAs(value(await drive.createFile(file, context())));
}

/** The refusals of a session, which the API tells without a path. */
function inSession<V>(
  result:
    | { readonly ok: true; readonly value: V }
    | { readonly ok: false; readonly error: Refusal },
  around: Around = [],
): V {
  if (result.ok) return result.value;
  const { error } = result;
  const told =
    error.type === "offset-mismatch"
      ? tagged("incorrect_offset", { correct_offset: error["offset"] })
      : error.type === "length-mismatch"
        ? tagged("incorrect_offset", { correct_offset: error["bytes"] })
        : caseOf(error);
  throw failed(within(around, told));
}

/** Keeps a whole content in one call. */
export async function upload(asked: Asked, args: Args, body: Body): Promise<object> {
  const { drive, context } = asked;
  const commit = commitIn(args);
  // Known before any bytes come: whether the folder is there, or can be made.
  await placeFor(asked, commit.path, ["path", "reason"]);
  const { id } = inSession(await drive.beginStaging({ note: '{"door":"dropbox"}' }, context()));
  try {
    const { bytes, hash } = hashed(body);
    const placing = { offset: 0, isWhole: true };
    const staged = await drive.stageBytes({ stagingId: id, placing, bytes }, context());
    if (!staged.ok) throw failed(unwritten(caseOf(staged.error)));
    const told = hash();
    const wanted = optionalText(args, "content_hash");
    if (wanted !== undefined && wanted !== told) throw failed(tagged("content_hash_mismatch"));
    const { file, names } = await keptOf(asked, { stagingId: id, commit }, unwritten);
    return bare(fileMetadata(file, names, told));
  } finally {
    await drive.discardStaging({ stagingId: id }, context());
  }
}

type Ending = { readonly stagingId: StagingId; readonly commit: Commit };

async function keptOf(
  asked: Asked,
  { stagingId, commit }: Ending,
  refuse: (reason: Tagged) => Tagged,
): Promise<Kept> {
  const told = commit.modifiedAt === undefined ? {} : { modifiedAt: commit.modifiedAt };
  const sealed = await asked.drive.sealStaging({ stagingId, ...told }, asked.context());
  return kept(asked, inSession(sealed, ["lookup_failed"]), commit, refuse);
}

type SessionNote = {
  readonly door?: string;
  readonly isConcurrent?: boolean;
  readonly isClosed?: boolean;
};

function sessionId(args: Args, around: Around): StagingId {
  const id = StagingId.parse(textIn(args, "session_id"));
  if (!id.ok) throw failed(within(around, tagged("not_found")));
  return id.value;
}

/** Pieces of a concurrent session begin at multiples of so many bytes. */
const blockBytes = 4 * 2 ** 20;
const offsets = { least: 0, most: maxFileBytes };

/** Adds bytes to a session at an offset. */
async function append(
  asked: Asked,
  {
    stagingId,
    offset,
    bytes,
  }: { readonly stagingId: StagingId; readonly offset: number; readonly bytes: Body },
  around: Around,
): Promise<void> {
  const { drive, context } = asked;
  const staging = inSession(await drive.getStaging({ stagingId }, context()), around);
  const { door, isConcurrent = false } = JSON.parse(staging.note) as SessionNote;
  if (door !== "dropbox") throw failed(within(around, tagged("not_found")));
  if (isConcurrent && offset % blockBytes !== 0)
    throw failed(within(around, tagged("concurrent_session_invalid_offset")));
  const placing = isConcurrent ? { number: offset } : { offset, isWhole: true };
  inSession(await drive.stageBytes({ stagingId, placing, bytes }, context()), around);
}

export async function startSession(asked: Asked, args: Args, body: Body) {
  const { tag } = tagIn(args, "session_type", "sequential");
  const note: SessionNote = { door: "dropbox", isConcurrent: tag === "concurrent" };
  const { drive, context } = asked;
  const begun = await drive.beginStaging({ note: JSON.stringify(note) }, context());
  const { id: stagingId } = inSession(begun);
  await append(asked, { stagingId, offset: 0, bytes: body }, []);
  return { session_id: stagingId };
}

export async function appendToSession(asked: Asked, args: Args, body: Body): Promise<null> {
  const cursor = argsOf(args, "cursor");
  const stagingId = sessionId(cursor, []);
  const offset = numberIn(cursor, "offset", offsets);
  await append(asked, { stagingId, offset, bytes: body }, []);
  return null;
}

const unfinished = (reason: Tagged): Tagged => tagged("path", { path: reason });

async function finished(asked: Asked, args: Args): Promise<object> {
  const cursor = argsOf(args, "cursor");
  const around: Around = ["lookup_failed"];
  const stagingId = sessionId(cursor, around);
  const offset = numberIn(cursor, "offset", offsets);
  const { drive, context } = asked;
  const { bytes } = inSession(await drive.getStaging({ stagingId }, context()), around);
  if (bytes !== offset)
    throw failed(within(around, tagged("incorrect_offset", { correct_offset: bytes })));
  const commit = commitIn(argsOf(args, "commit"));
  const { file, names } = await keptOf(asked, { stagingId, commit }, unfinished);
  return bare(fileMetadata(file, names));
}

export async function finishSession(asked: Asked, args: Args, body: Body): Promise<object> {
  const cursor = argsOf(args, "cursor");
  const around: Around = ["lookup_failed"];
  const stagingId = sessionId(cursor, around);
  const offset = numberIn(cursor, "offset", offsets);
  let came = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      came += piece.length;
      yield piece;
    }
  }
  await append(asked, { stagingId, offset, bytes: counted() }, around);
  return finished(asked, { ...args, cursor: { ...cursor, offset: offset + came } });
}

/** Ends sessions one after the other; each has its own result. */
export async function finishSessions(asked: Asked, args: Args): Promise<object> {
  const entries: Tagged[] = [];
  for (const entry of listIn(args, "entries", maxFinished))
    entries.push(await outcomeOf(() => finished(asked, entry)));
  return { entries };
}

/** Sends a content, with the metadata in a header. */
export async function download(asked: Asked, args: Args): Promise<DoorAnswer> {
  const path = textIn(args, "path");
  const { drive, context } = asked;
  const { node, names } = await findNode(asked, path);
  const rev = revIn(
    path.startsWith("rev:") ? path.slice("rev:".length) : (optionalText(args, "rev") ?? ""),
  );
  const revision = rev ? { revision: rev.revision } : {};
  const read = granted(await drive.readFile({ nodeId: node.id, ...revision }, context()));
  const metadata = bare(fileMetadata(read.file, names));
  return fileAnswer({
    download: sent.download,
    value: read,
    tag: `"${revOf(node.id, read.file.content.revision)}"`,
    headers: { "dropbox-api-result": headerJson(metadata) },
  });
}

/** What a file has held, the newest first. */
export async function listRevisions(asked: Asked, args: Args): Promise<object> {
  const { node, names } = await findNode(asked, textIn(args, "path"));
  const { drive, context } = asked;
  const limit = expect(
    RevisionPageSize.parse(numberIn(args, "limit", { least: 1, most: 100, usual: 10 })),
  );
  const { items } = granted(await drive.listRevisions({ nodeId: node.id, limit }, context()));
  const entries = items.map((one) =>
    bare(fileMetadata({ id: node.id, content: one, changedAt: one.createdAt }, names)),
  );
  return { is_deleted: false, entries };
}

/** Makes an older content of a file the newest one again. */
export async function restore(asked: Asked, args: Args): Promise<object> {
  const rev = revIn(textIn(args, "rev"));
  if (!rev) throw failed(tagged("invalid_revision"));
  const { drive, context } = asked;
  const { nodeId, revision } = rev;
  const seen = granted(await drive.getNode({ nodeId }, context()), ["path_lookup"]);
  if (seen.inTrash) granted(await drive.restoreNode({ nodeId }, context()), ["path_write"]);
  const { node, names } = await findNode(asked, `id:${nodeId}`, ["path_lookup"]);
  if (node.kind !== "file") throw failed(tagged("invalid_revision"));
  const expectedVersion = node.content.revision as number as Version;
  const restoring = { nodeId, revision, expectedVersion };
  const restored = await drive.restoreRevision(restoring, context());
  if (!restored.ok && restored.error.type === "revision-not-found")
    throw failed(tagged("invalid_revision"));
  return bare(metadataOf(granted(restored, ["path_write"]), names));
}
