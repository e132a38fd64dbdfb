import { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import { fileAnswer, type DoorAnswer } from "#platform/http/door.ts";
import type { KeptFile } from "../../application/content/receive-content.ts";
import { RevisionPageSize } from "../../application/content/revisions.ts";
import { maxFileBytes } from "../../domain/content.ts";
import { StagingId } from "../../domain/ids.ts";
import type { Staging } from "../../domain/staging.ts";
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
  revOfPath,
  type Names,
} from "./metadata.ts";
import { anyPlaceOf, at, findNode, placeFor, type Asked } from "./places.ts";
import {
  caseOf,
  conflictWith,
  failed,
  granted,
  malformed,
  outcomeOf,
  Refused,
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

/** Passes bytes on, and knows their content hash behind the last one. Throws there where it is not the one that was said. */
function hashed(bytes: Body, args: Args, around: Around = []) {
  const hash = contentHash();
  const wanted = optionalText(args, "content_hash");
  let told = "";
  async function* passing(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      hash.update(piece);
      yield piece;
    }
    told = hash.end();
    if (wanted !== undefined && wanted !== told)
      throw failed(within(around, tagged("content_hash_mismatch")));
  }
  return { bytes: passing(), hash: () => told };
}

type Commit = {
  readonly path: string;
  readonly mode: { readonly tag: string; readonly more: Args };
  readonly isNumbered: boolean;
  readonly isStrict: boolean;
  readonly modifiedAt: Instant | undefined;
};

function modeIn(args: Args): Commit["mode"] {
  const mode = tagIn(args, "mode", "add");
  if (!["add", "overwrite", "update"].includes(mode.tag))
    throw malformed("mode must be add, overwrite or update");
  return mode;
}

function commitIn(args: Args): Commit {
  const told = optionalText(args, "client_modified");
  const modifiedAt = told === undefined ? undefined : Instant.parse(told);
  if (modifiedAt?.ok === false) throw malformed("client_modified must be an instant");
  return {
    path: textIn(args, "path"),
    mode: modeIn(args),
    isNumbered: flagIn(args, "autorename"),
    isStrict: flagIn(args, "strict_conflict"),
    modifiedAt: modifiedAt?.value,
  };
}

type Kept = { readonly file: PlacedFile; readonly names: Names };
type Refuse = (reason: Tagged) => Tagged;
type Place = Awaited<ReturnType<typeof placeFor>>;

/** Where a content is to go. A refusal is told as the endpoint tells it. */
const placeOf = (asked: Asked, path: string, refuse: Refuse): Promise<Place> =>
  placeFor(asked, path, []).catch((error: unknown) => {
    throw error instanceof Refused && error.error ? failed(refuse(error.error)) : error;
  });

/** Gives the file that the client knows another content; undefined where it is another one by now, and the content is to get a name of its own. */
async function updated(
  asked: Asked,
  { content, node, commit, told }: Keeping,
): Promise<Result<PlacedFile, Refusal> | undefined> {
  const { mode, isNumbered } = commit;
  const base = revIn(textIn(mode.more, "update"));
  if (base?.nodeId !== node?.id || base === undefined)
    return isNumbered ? undefined : err({ type: "stale-revision" });
  const expectedVersion = base.revision as number as Version;
  const ifStale = isNumbered ? "copy" : "refuse";
  const revision = { nodeId: base.nodeId, expectedVersion, content, ifStale, ...told } as const;
  return asked.drive.reviseFile(revision, asked.context());
}

type Keeping = {
  readonly content: KeptFile;
  readonly node: Node | undefined;
  readonly commit: Commit;
  readonly place: Place;
  readonly told: { readonly modifiedAt?: Instant };
};

/** Makes a file, or the next content of the one that is there, as the mode says. */
async function written(asked: Asked, keeping: Keeping): Promise<Result<PlacedFile, Refusal>> {
  const { content, node, commit, place, told } = keeping;
  const { mode, isNumbered, isStrict } = commit;
  const isSame = node?.kind === "file" && node.content.hash === content.kept.hash;
  if (node?.kind === "file" && isSame && !isStrict && mode.tag !== "overwrite")
    return ok(node as PlacedFile);
  const update = mode.tag === "update" ? await updated(asked, keeping) : undefined;
  if (update) return update;
  const replaces = mode.tag === "overwrite" && node?.kind !== "folder";
  const ifTaken = replaces ? "replace" : isNumbered ? "number" : "refuse";
  const { nodeId, name } = place;
  const file = { nodeId, name, content, ifTaken, ...told } as const;
  return asked.drive.createFile(file, asked.context());
}

/** Makes a content that was put together a file's. */
async function kept(
  asked: Asked,
  content: KeptFile,
  commit: Commit,
  refuse: Refuse,
): Promise<Kept> {
  const place = await placeOf(asked, commit.path, refuse);
  const node = await at(asked, [...place.names, place.name]);
  const told = commit.modifiedAt === undefined ? {} : { modifiedAt: commit.modifiedAt };
  const file = await written(asked, { content, node, commit, place, told });
  if (file.ok) {
    // A content that was there already makes no file of what has come.
    const isThere = node?.id === file.value.id;
    if (isThere) await asked.drive.discardStaging(content, asked.context());
    return { file: file.value, names: [...place.names, file.value.name] };
  }
  const isTaken = file.error.type === "name-taken" || file.error.type === "stale-revision";
  throw failed(refuse(isTaken ? conflictWith(node?.kind ?? "file") : caseOf(file.error)));
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
  await placeOf(asked, commit.path, unwritten);
  const { id } = inSession(await drive.beginStaging({ note: '{"door":"dropbox"}' }, context()));
  try {
    const { bytes, hash } = hashed(body, args);
    const placing = { offset: 0, isWhole: true };
    const staged = await drive.stageBytes({ stagingId: id, placing, bytes }, context());
    if (!staged.ok) throw failed(unwritten(caseOf(staged.error)));
    const told = hash();
    const { file, names } = await keptOf(asked, { stagingId: id, commit }, unwritten);
    return bare(fileMetadata(file, names, told));
  } finally {
    await drive.discardStaging({ stagingId: id }, context());
  }
}

/** `length`: the bytes that the client has said there are. */
type Ending = { readonly stagingId: StagingId; readonly commit: Commit; readonly length?: number };

async function keptOf(
  asked: Asked,
  { stagingId, commit, length }: Ending,
  refuse: (reason: Tagged) => Tagged,
): Promise<Kept> {
  const told = commit.modifiedAt === undefined ? {} : { modifiedAt: commit.modifiedAt };
  const sealing = { stagingId, ...told, ...(length === undefined ? {} : { length }) };
  const sealed = await asked.drive.sealStaging(sealing, asked.context());
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
  try {
    await append(asked, { stagingId, offset: 0, bytes: hashed(body, args).bytes }, []);
  } catch (error) {
    // Nobody knows its id.
    await drive.discardStaging({ stagingId }, context());
    throw error;
  }
  return { session_id: stagingId };
}

export async function appendToSession(asked: Asked, args: Args, body: Body): Promise<null> {
  const cursor = argsOf(args, "cursor");
  const stagingId = sessionId(cursor, []);
  const offset = numberIn(cursor, "offset", offsets);
  await append(asked, { stagingId, offset, bytes: hashed(body, args).bytes }, []);
  return null;
}

const unfinished = (reason: Tagged): Tagged => tagged("path", { path: reason });

async function finished(asked: Asked, args: Args): Promise<object> {
  const cursor = argsOf(args, "cursor");
  const around: Around = ["lookup_failed"];
  const stagingId = sessionId(cursor, around);
  const offset = numberIn(cursor, "offset", offsets);
  const { drive, context } = asked;
  const staging = inSession(await drive.getStaging({ stagingId }, context()), around);
  const commit = commitIn(argsOf(args, "commit"));
  if (staging.nodeId !== undefined) return finishedBefore(asked, staging, commit);
  const { bytes } = staging;
  if (bytes !== offset)
    throw failed(within(around, tagged("incorrect_offset", { correct_offset: bytes })));
  await requireNoGaps(asked, stagingId);
  const { file, names } = await keptOf(asked, { stagingId, commit, length: offset }, unfinished);
  return bare(fileMetadata(file, names));
}

/** Pieces that came side by side must follow one another. */
async function requireNoGaps({ drive, context }: Asked, stagingId: StagingId): Promise<void> {
  let end = 0;
  for (const { place, size } of inSession(await drive.listPieces({ stagingId }, context()))) {
    if (place !== end)
      throw failed(within(["lookup_failed"], tagged("incorrect_offset", { correct_offset: end })));
    end += size;
  }
}

/** A client that has lost the answer asks again, and is told it where nobody has written since. */
async function finishedBefore(
  asked: Asked,
  { nodeId, revision }: Staging,
  { path, isNumbered }: Commit,
): Promise<object> {
  const { node, names } = await findNode(asked, `id:${nodeId}`, ["lookup_failed"]);
  const isThere = isNumbered || `/${names.join("/")}`.toLowerCase() === path.toLowerCase();
  if (isThere && node.kind === "file" && node.content.revision === revision)
    return bare(fileMetadata(node, names));
  throw failed(tagged("lookup_failed", { lookup_failed: tagged("closed") }));
}

export async function finishSession(asked: Asked, args: Args, body: Body): Promise<object> {
  const cursor = argsOf(args, "cursor");
  const around: Around = ["lookup_failed"];
  const stagingId = sessionId(cursor, around);
  const offset = numberIn(cursor, "offset", offsets);
  let came = 0;
  async function* counted(first: Uint8Array): AsyncGenerator<Uint8Array> {
    came = first.length;
    yield first;
    for await (const piece of rest) {
      came += piece.length;
      yield piece;
    }
  }
  const iterator = body[Symbol.asyncIterator]();
  const rest = { [Symbol.asyncIterator]: () => iterator };
  const { value: first, done } = await iterator.next();
  if (done !== true) {
    const { bytes } = hashed(counted(first), args, around);
    await append(asked, { stagingId, offset, bytes }, around);
  }
  return finished(asked, { ...args, cursor: { ...cursor, offset: offset + came } });
}

/** Ends sessions one after the other; each has its own result. */
export async function finishSessions(asked: Asked, args: Args): Promise<object> {
  const entries: Tagged[] = [];
  for (const entry of listIn(args, "entries", maxFinished))
    entries.push(await outcomeOf(() => finished(asked, entry)));
  return { entries };
}

/** Characters of a header that every client takes. */
const maxHeader = 8_000;

/** The metadata of a content as a header; without its paths where they are too long for one. */
function resultHeader(metadata: Tagged): string {
  const text = headerJson(bare(metadata));
  if (text.length <= maxHeader) return text;
  const { path_display: _display, path_lower: _lower, ...short } = metadata;
  return headerJson(bare(short));
}

/** Sends a content, with the metadata in a header. */
export async function download(asked: Asked, args: Args): Promise<DoorAnswer> {
  const path = textIn(args, "path");
  const { drive, context } = asked;
  const rev = revOfPath(path) ?? revIn(optionalText(args, "rev") ?? "");
  const { node, names } = await findNode(asked, revOfPath(path) ? `id:${rev?.nodeId}` : path);
  if (rev && rev.nodeId !== node.id) throw failed(tagged("path", { path: tagged("not_found") }));
  const revision = rev ? { revision: rev.revision } : {};
  const read = granted(await drive.readFile({ nodeId: node.id, ...revision }, context()));
  const metadata = fileMetadata(read.file, names);
  return fileAnswer({
    download: sent.download,
    value: read,
    tag: `"${revOf(node.id, read.file.content.revision)}"`,
    headers: { "dropbox-api-result": resultHeader(metadata) },
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

const one = expect(RevisionPageSize.parse(1));

/** Makes an older content of a file the newest one again. */
export async function restore(asked: Asked, args: Args): Promise<object> {
  const rev = revIn(textIn(args, "rev"));
  const path = textIn(args, "path");
  if (!rev) throw failed(tagged("invalid_revision"));
  const { drive, context } = asked;
  const { nodeId, revision } = rev;
  const { names: was, inTrash } = await anyPlaceOf(asked, nodeId, ["path_lookup"]);
  const newest = { nodeId, cursor: (revision + 1) as typeof revision, limit: one };
  const listed = granted(await drive.listRevisions(newest, context()), ["path_lookup"]);
  if (listed.items[0]?.revision !== revision) throw failed(tagged("invalid_revision"));
  if (`/${was.join("/")}`.toLowerCase() !== path.toLowerCase())
    throw failed(tagged("invalid_revision"));
  if (inTrash) granted(await drive.restoreNode({ nodeId }, context()), ["path_write"]);
  const { node, names } = await findNode(asked, `id:${nodeId}`, ["path_lookup"]);
  if (node.kind !== "file") throw failed(tagged("invalid_revision"));
  const expectedVersion = node.content.revision as number as Version;
  const restoring = { nodeId, revision, expectedVersion };
  const restored = await drive.restoreRevision(restoring, context());
  if (!restored.ok && restored.error.type === "revision-not-found")
    throw failed(tagged("invalid_revision"));
  return bare(metadataOf(granted(restored, ["path_write"]), names));
}
