import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import type { DoorAnswer, TextAnswer } from "#platform/http/door.ts";
import type { KeptFile, UploadedFile } from "../../application/content/receive-content.ts";
import type { Node, PlacedFile } from "../../domain/node.ts";
import { uploadedFile } from "../uploaded-file.ts";
import { refused, type Refusal } from "./answers.ts";
import { headerOf, inTime, isMisspelled, tagOf, type Asked } from "./asked.ts";
import { guarded, unlocked } from "./guard.ts";
import { placeOf, targetsOf, type Found, type Missing, type Target } from "./targets.ts";

/** Fewer bytes came than the client has said, so that it is not known what it meant to keep. */
class BodyTooShort extends Error {
  readonly statusCode = 400;

  constructor(came: number, promised: number) {
    super(`${promised} bytes were promised, and ${came} have come`);
  }
}

/** Others have locked what is written since the body began to come. */
class LockedMeanwhile extends Error {
  readonly answer: TextAnswer;

  constructor(answer: TextAnswer) {
    super("locked while its content was sent");
    this.answer = answer;
  }
}

/** What was seen is taken for what is there for so long. */
const seenForMs = 100;

/** Looks once more at what is there and who has locked it, where the body took its time. */
async function* stillAllowed(
  asked: Asked,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const seenAtMs = asked.clock.unixMs();
  yield* body;
  if (asked.clock.unixMs() - seenAtMs > seenForMs) await targetNow(asked);
}

/** Looks up what is there now. Throws if somebody else has locked it. */
async function targetNow(asked: Asked): Promise<Found | Missing | undefined> {
  const now = await targetsOf(asked.drive, inTime(asked))(asked.request.path);
  if (!now.ok || now.value.kind === "home") return undefined;
  const effect = now.value.kind === "found" ? "changes" : "comes";
  const may = await unlocked(asked, [{ on: now.value, effect }]);
  if (!may.ok) throw new LockedMeanwhile(may.error);
  return now.value;
}

/** macOS sends files in pieces, and says how long they are by a header of its own: an interrupted one looks whole. */
async function* whole(
  body: AsyncIterable<Uint8Array>,
  promised: number | undefined,
): AsyncGenerator<Uint8Array> {
  let came = 0;
  for await (const piece of body) {
    came += piece.length;
    yield piece;
  }
  if (promised !== undefined && came !== promised) throw new BodyTooShort(came, promised);
}

function promisedBy(asked: Asked): number | undefined {
  const length = headerOf(asked, "x-expected-entity-length");
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** The time of the content that a client tells, in seconds since 1970. */
function modifiedAtIn(asked: Asked): Instant | undefined {
  const told = headerOf(asked, "x-oc-mtime");
  if (told === undefined || !/^-?\d{1,11}(\.\d+)?$/.test(told)) return undefined;
  const at = Instant.parse(Instant.fromUnixMs(Math.floor(Number(told) * 1_000)));
  return at.ok ? at.value : undefined;
}

type Content = { readonly content: UploadedFile | KeptFile; readonly modifiedAt?: Instant };
type Written = Result<{ readonly file: PlacedFile; readonly isNew: boolean }, Refusal>;

async function create(
  { drive, context }: Asked,
  target: Missing,
  content: Content,
): Promise<Written> {
  const place = placeOf(target);
  if (!place.ok) return place;
  const created = await drive.createFile({ ...place.value, ...content }, context);
  return created.ok ? ok({ file: created.value, isNew: true }) : created;
}

/** `isConditional`: the content is refused where the file is not what it was when the conditions were looked at. */
async function replace(
  { drive, context }: Asked,
  { node }: Found,
  { isConditional, ...content }: Content & { readonly isConditional: boolean },
): Promise<Written> {
  if (node.kind === "folder") return err({ type: "not-a-file" });
  const file = { nodeId: node.id, ...content };
  const expectedVersion = node.content.revision as number as Version;
  const revised = isConditional
    ? await drive.reviseFile({ ...file, expectedVersion }, context)
    : await drive.overwriteFile(file, context);
  return revised.ok ? ok({ file: revised.value, isNew: false }) : revised;
}

/** Writes a file. A request without conditions makes the newest content, also where others write at the same time. */
async function write(asked: Asked, target: Found | Missing, content: Content): Promise<Written> {
  const isConditional = ["if", "if-match", "if-none-match", "if-unmodified-since"].some(
    (name) => headerOf(asked, name) !== undefined,
  );
  if (target.kind === "found") return replace(asked, target, { ...content, isConditional });
  const created = await create(asked, target, content);
  if (created.ok || created.error.type !== "name-taken" || isConditional) return created;
  const now = await targetNow(asked);
  return now?.kind === "found" ? replace(asked, now, { ...content, isConditional }) : created;
}

/** Keeps a body as a file. */
export async function put(asked: Asked, target: Target): Promise<DoorAnswer> {
  if (headerOf(asked, "content-range") !== undefined)
    return refused({ type: "header-invalid", header: "Content-Range" });
  const { request } = asked;
  const body = () => uploadedFile(stillAllowed(asked, whole(request.body, promisedBy(asked))));
  return putContent(asked, target, async () => ok(body()));
}

/** Keeps a content as that of a file at a path, once it is known that it may lie there. */
export async function putContent(
  asked: Asked,
  target: Target,
  contentOf: (modifiedAt: Instant | undefined) => Promise<Result<Content["content"], Refusal>>,
): Promise<DoorAnswer> {
  if (target.kind === "home" || (target.kind === "found" && target.node.kind === "folder"))
    return refused({ type: "method-not-allowed" });
  if (isMisspelled(asked, target)) return refused({ type: "other-spelling" });
  const place = target.kind === "missing" ? placeOf(target) : ok(undefined);
  if (!place.ok) return refused(place.error);
  const effect = target.kind === "found" ? "changes" : "comes";
  const may = await guarded(asked, target, [{ on: target, effect }]);
  if (!may.ok) return may.error;
  const modifiedAt = modifiedAtIn(asked);
  const arrived = await contentOf(modifiedAt);
  if (!arrived.ok) return refused(arrived.error);
  const content = {
    content: arrived.value,
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  };
  const written = await write(asked, target, content).catch((error: unknown) => {
    if (error instanceof LockedMeanwhile) return error;
    throw error;
  });
  if (written instanceof LockedMeanwhile) return written.answer;
  if (!written.ok) return refused(written.error);
  const { file, isNew } = written.value;
  return keptAnswer(isNew ? 201 : 204, file, modifiedAt);
}

/** Answers a client that has sent a content: the tag and the id of the file. */
export function keptAnswer(status: 201 | 204, file: Node, modifiedAt?: Instant): TextAnswer {
  const tag = tagOf(file) ?? "";
  return {
    status,
    headers: {
      etag: tag,
      "oc-etag": tag,
      "oc-fileid": file.id,
      ...(modifiedAt === undefined ? {} : { "x-oc-mtime": "accepted" }),
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Makes the file that a lock of a path without one needs. */
export async function createEmpty(asked: Asked, target: Missing): Promise<Result<Found, Refusal>> {
  const written = await create(asked, target, { content: uploadedFile(nothing()) });
  if (!written.ok) return written;
  const { names, parent } = target;
  const node = written.value.file;
  const above = parent ? [parent] : [];
  return ok({ kind: "found", names, node, above, locks: [], isExact: true, role: "editor" });
}
