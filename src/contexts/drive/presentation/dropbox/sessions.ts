import { maxFileBytes } from "../../domain/content.ts";
import { StagingId } from "../../domain/ids.ts";
import type { Staging } from "../../domain/staging.ts";
import { argsOf, listIn, numberIn, tagIn, textIn, type Args } from "./arguments.ts";
import { commitIn, inSession, keptOf, type Commit } from "./commits.ts";
import { hashed, type Body } from "./hashed.ts";
import { bare, fileMetadata } from "./metadata.ts";
import { findNode, type Asked } from "./places.ts";
import { failed, outcomeOf, tagged, within, type Around, type Tagged } from "./refusals.ts";

/** Sessions that one request ends. */
const maxFinished = 1_000;

type SessionNote = {
  readonly door?: string;
  readonly isConcurrent?: boolean;
};

function sessionId(args: Args, around: Around): StagingId {
  const id = StagingId.parse(textIn(args, "session_id"));
  if (!id.ok) throw failed(within(around, tagged("not_found")));
  return id.value;
}

/** Pieces of a concurrent session begin at multiples of so many bytes. */
const blockBytes = 4 * 2 ** 20;
const offsets = { least: 0, most: maxFileBytes };

/** A session that was begun by this API. */
async function sessionOf({ drive, context }: Asked, stagingId: StagingId, around: Around) {
  const staging = inSession(await drive.getStaging({ stagingId }, context()), around);
  const { door, isConcurrent = false } = JSON.parse(staging.note) as SessionNote;
  if (door !== "dropbox") throw failed(within(around, tagged("not_found")));
  return { staging, isConcurrent };
}

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
  const { isConcurrent } = await sessionOf(asked, stagingId, around);
  if (isConcurrent && offset % blockBytes !== 0)
    throw failed(within(around, tagged("concurrent_session_invalid_offset")));
  const placing = isConcurrent ? { number: offset } : { offset, isWhole: true };
  const { drive, context } = asked;
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
    // The client was never told the id.
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
  const { staging } = await sessionOf(asked, stagingId, around);
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

/** Repeats the answer to a client that has lost it, unless the file has been written since. */
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
