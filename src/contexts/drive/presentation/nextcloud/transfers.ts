import type { Instant } from "#kernel/instant.ts";
import type { DoorAnswer, DoorRequest } from "#platform/http/door.ts";
import type { Context } from "#kernel/context.ts";
import type { Staging } from "../../domain/staging.ts";
import { multistatus, propstat, refused, response, type Refusal } from "../dav/answers.ts";
import { askedOf, headerOf, inTime, type Asked, type Asking } from "../dav/asked.ts";
import { keptAnswer, putContent } from "../dav/put.ts";
import { destinationOf, hrefOf, type Target } from "../dav/targets.ts";

/** A transfer, by the name that the client gave it, and the part of it that a request names: the number of a piece, or `.file` for the whole. */
type Transfer = { readonly name: string; readonly piece: string | undefined };
type Answer = (asked: Asked, transfer: Transfer) => Promise<DoorAnswer>;

/** Begins a transfer. The client names it. */
const begin: Answer = async ({ drive, context }, { name, piece }) => {
  if (piece !== undefined) return refused({ type: "method-not-allowed" });
  const begun = await drive.beginStaging({ name, note: "{}" }, context);
  return begun.ok ? { status: 201 } : refused(begun.error);
};

const found = ({ drive, context }: Asked, { name }: Transfer) =>
  drive.findStaging({ name }, context);

function numberOf({ piece = "" }: Transfer): number | undefined {
  const number = Number(piece);
  return /^\d{1,20}$/.test(piece) && Number.isSafeInteger(number) ? number : undefined;
}

/** Keeps a piece, which may be sent again. */
const keep: Answer = async (asked, transfer) => {
  const number = numberOf(transfer);
  if (number === undefined) return refused({ type: "path-invalid" });
  const staging = await found(asked, transfer);
  if (!staging.ok) return refused(staging.error);
  const { id: stagingId } = staging.value;
  const placing = { number };
  const { context, drive, request } = asked;
  const kept = await drive.stageBytes({ stagingId, placing, bytes: request.body }, context);
  return kept.ok ? { status: 201 } : refused(kept.error);
};

/** Tells which pieces have come, so that a client can go on. */
const tell: Answer = async (asked, transfer) => {
  if (transfer.piece !== undefined) return refused({ type: "path-not-found" });
  const staging = await found(asked, transfer);
  if (!staging.ok) return refused(staging.error);
  const listing = { stagingId: staging.value.id };
  const pieces = await asked.drive.listPieces(listing, asked.context);
  if (!pieces.ok) return refused(pieces.error);
  const { at, path } = asked.request;
  const names = path.split("/").filter((segment) => segment !== "");
  const folder = propstat(200, "<D:resourcetype><D:collection/></D:resourcetype>");
  const told = pieces.value.map(({ place, size }) =>
    response(
      hrefOf(at, [...names, String(place)], false),
      propstat(200, `<D:resourcetype/><D:getcontentlength>${size}</D:getcontentlength>`),
    ),
  );
  return multistatus([response(hrefOf(at, names, true), folder), ...told].join(""));
};

const end: Answer = async (asked, transfer) => {
  if (transfer.piece !== undefined) return refused({ type: "method-not-allowed" });
  const staging = await found(asked, transfer);
  if (!staging.ok) return refused(staging.error);
  const { id: stagingId } = staging.value;
  const ended = await asked.drive.discardStaging({ stagingId }, asked.context);
  return ended.ok ? { status: 204 } : refused(ended.error);
};

/** The bytes that the client says there are. */
function lengthIn(asked: Asked): { readonly length?: number } | undefined {
  const told = headerOf(asked, "oc-total-length");
  if (told === undefined) return {};
  return /^\d{1,15}$/.test(told) ? { length: Number(told) } : undefined;
}

/** Repeats the answer to a client that has lost it, unless the file has been written since. */
function made({ nodeId, revision }: Staging, target: Target): DoorAnswer {
  if (target.kind !== "found" || target.node.id !== nodeId)
    return refused({ type: "staging-sealed" });
  const isNewest = target.node.kind === "file" && target.node.content.revision === revision;
  return isNewest ? keptAnswer(204, target.node) : refused({ type: "precondition-failed" });
}

/** The refusal if the destination exists and may not be overwritten. */
function inTheWay(asked: Asked, target: Target): Refusal | undefined {
  const overwrite = headerOf(asked, "overwrite")?.trim().toUpperCase() ?? "T";
  if (overwrite !== "T" && overwrite !== "F")
    return { type: "header-invalid", header: "Overwrite" };
  return overwrite === "F" && target.kind === "found" ? { type: "name-taken" } : undefined;
}

/** Makes the pieces, together, the content of the file at the destination. */
const assemble =
  (files: string): Answer =>
  async (asked, transfer) => {
    if (transfer.piece !== ".file") return refused({ type: "path-invalid" });
    const staging = await found(asked, transfer);
    if (!staging.ok) return refused(staging.error);
    // Conditions and locks are about the file, below the path of files.
    const there = { ...asked, request: { ...asked.request, at: files } };
    const path = destinationOf(there.request);
    if (path === undefined) return refused({ type: "other-server" });
    const target = await asked.find(path);
    if (!target.ok) return refused(target.error);
    const { id: stagingId, nodeId } = staging.value;
    if (nodeId !== undefined) return made(staging.value, target.value);
    const kept = inTheWay(asked, target.value);
    if (kept) return refused(kept);
    const length = lengthIn(asked);
    if (!length) return refused({ type: "header-invalid", header: "OC-Total-Length" });
    const sealed = (modifiedAt: Instant | undefined) => {
      const told = modifiedAt === undefined ? {} : { modifiedAt };
      return asked.drive.sealStaging({ stagingId, ...length, ...told }, inTime(asked));
    };
    return putContent({ ...there, request: { ...there.request, path } }, target.value, sealed);
  };

/**
 * Files that come in pieces, as clients of Nextcloud send large ones: a folder of the client's own naming takes pieces by their numbers, and is moved to where the
 * file is to lie. `files`: the path of the files of the caller.
 */
export async function transferAnswer(
  asking: Asking,
  request: DoorRequest,
  { context, files }: { readonly context: Context; readonly files: string },
): Promise<DoorAnswer> {
  const [name = "", piece, ...more] = request.path.split("/").filter((one) => one !== "");
  if (name === "" || name.length > 200 || more.length > 0)
    return refused({ type: "path-not-found" });
  const answers: Readonly<Record<string, Answer>> = {
    MKCOL: begin,
    PUT: keep,
    PROPFIND: tell,
    DELETE: end,
    MOVE: assemble(files),
  };
  const answer = answers[request.method];
  const transfer = { name: `nextcloud/${name}`, piece };
  return answer
    ? answer(askedOf(asking, request, context), transfer)
    : refused({ type: "method-not-allowed" });
}
