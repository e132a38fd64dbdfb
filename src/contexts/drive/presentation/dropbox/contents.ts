import { expect } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import { fileAnswer, type DoorAnswer } from "#platform/http/door.ts";
import { RevisionPageSize } from "../../application/content/revisions.ts";
import { sent } from "../content-routes.ts";
import { headerJson, numberIn, optionalText, textIn, type Args } from "./arguments.ts";
import { commitIn, inSession, keptOf, placeOf } from "./commits.ts";
import { hashed, type Body } from "./hashed.ts";
import { bare, fileMetadata, metadataOf, revIn, revOf, revOfPath } from "./metadata.ts";
import { anyPlaceOf, findNode, type Asked } from "./places.ts";
import { caseOf, failed, granted, tagged, type Tagged } from "./refusals.ts";

/** Refused as `path`, with the reason and an id that nothing is known of. */
const unwritten = (reason: Tagged): Tagged =>
  tagged("path", { reason, upload_session_id: "", path: reason });

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
