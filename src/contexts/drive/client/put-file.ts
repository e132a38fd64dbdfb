import { open, readFile, stat, type FileHandle } from "node:fs/promises";
import { Instant } from "#kernel/instant.ts";
import type { Infer } from "#kernel/shape.ts";
import type { Manifest, RevisionNumber } from "../domain/content.ts";
import { deltaOf } from "../domain/delta.ts";
import type { NodeId } from "../domain/ids.ts";
import type { Described } from "./described-file.ts";
import { inParallel } from "./in-parallel.ts";
import { NodeFacts, Refused, UploadFacts, type Request, type Server } from "./server.ts";

/** Where a content goes: to a new file in a folder, or to a file that has a revision. `known`: the chunks of that, if the client has them. */
export type PutTarget =
  | { readonly folderId: NodeId; readonly name: string }
  | { readonly fileId: NodeId; readonly base: RevisionNumber; readonly known?: Manifest };

/** A file was changed while it was being sent. */
export class LocalChanged extends Error {}

const octets = "application/octet-stream";
/** A file that has no more bytes is sent by one request. */
const smallBytes = 2 ** 19;
/** Bytes and chunks of one request, and requests at a time. */
const [groupBytes, groupChunks, parallel] = [4 * 2 ** 20, 256, 4];
/** Times that missing chunks are asked for again: a chunk may turn out to be damaged on the server. */
const rounds = 10;

type Told = (bytes: number) => void;
type Sending = { readonly path: string; readonly described: Described; readonly onSent: Told };

/** When a local file was last changed, if a calendar has the time. */
async function modifiedAt(path: string): Promise<Instant | undefined> {
  const parsed = Instant.parse((await stat(path)).mtime.toISOString());
  return parsed.ok ? parsed.value : undefined;
}

/** The request that begins with a target. */
async function requestTo(
  target: PutTarget,
  path: string,
  what: "files" | "uploads",
): Promise<readonly [string, Request]> {
  const query = { modifiedAt: await modifiedAt(path) };
  if ("folderId" in target)
    return [`nodes/${target.folderId}/${what}`, { query: { ...query, name: target.name } }];
  const to = `nodes/${target.fileId}/content`;
  const headers = { "if-match": `"r${target.base}"` };
  return [what === "files" ? to : `${to}/uploads`, { query, headers }];
}

async function putSmall(server: Server, target: PutTarget, { path, onSent }: Sending) {
  const [to, request] = await requestTo(target, path, "files");
  const body = { type: octets, bytes: new Uint8Array(await readFile(path)) };
  const method = "folderId" in target ? "POST" : "PUT";
  const file = await server.ask(NodeFacts, method, to, { ...request, body });
  onSent(body.bytes.length);
  return file;
}

/** Begins an upload: first with the digest alone, where another file may have the content. */
async function begin(server: Server, target: PutTarget, { path, described }: Sending) {
  const { size, hash, manifest } = described;
  const [to, request] = await requestTo(target, path, "uploads");
  const query = { ...request.query, size, hash };
  const known = "fileId" in target ? target.known : undefined;
  const parts = known ? deltaOf(manifest, known) : manifest;
  const bytes = parts.map((part) => `${JSON.stringify(part)}\n`).join("");
  const ask = (lines: string) =>
    server.ask(UploadFacts, "POST", to, {
      ...request,
      query,
      body: { type: "application/x-ndjson", bytes: lines },
    });
  if (known) return ask(bytes);
  try {
    return await ask("");
  } catch (error) {
    if (error instanceof Refused && error.code === "CONTENT_UNKNOWN") return ask(bytes);
    throw error;
  }
}

/** Positions of chunks, from ranges such as `0-17`. */
const positionsIn = (ranges: readonly string[]): readonly number[] =>
  ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });

type Placed = { readonly position: number; readonly at: number; readonly size: number };

/** Chunks that are sent together. */
function* groupsOf(chunks: readonly Placed[]): Generator<readonly Placed[]> {
  let [group, bytes]: [Placed[], number] = [[], 0];
  for (const chunk of chunks) {
    if (group.length > 0 && (bytes + chunk.size > groupBytes || group.length === groupChunks)) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(chunk);
    bytes += chunk.size;
  }
  if (group.length > 0) yield group;
}

async function read(file: FileHandle, group: readonly Placed[]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(group.reduce((sum, { size }) => sum + size, 0));
  let filled = 0;
  for (const { at, size } of group) {
    const { bytesRead } = await file.read(bytes, filled, size, at);
    if (bytesRead < size) throw new LocalChanged("the file became shorter while it was being sent");
    filled += size;
  }
  return bytes;
}

/** Sends chunks, some requests at a time. */
async function sendChunks(
  server: Server,
  { id, missing }: Infer<typeof UploadFacts>,
  { path, described, onSent }: Sending,
): Promise<void> {
  const starts: number[] = [];
  let end = 0;
  for (const { size } of described.manifest) {
    starts.push(end);
    end += size;
  }
  const chunks = positionsIn(missing).map((position) => ({
    position,
    at: starts[position] ?? 0,
    size: described.manifest[position]?.size ?? 0,
  }));
  await using file = await open(path);
  await inParallel(groupsOf(chunks), parallel, async (group) => {
    const bytes = await read(file, group);
    const query = { chunks: group.map(({ position }) => position).join(",") };
    const body = { type: octets, bytes };
    await server.open("PUT", `uploads/${id}/chunks`, { query, body }).catch(asChanged);
    onSent(bytes.length);
  });
}

function asChanged(error: unknown): never {
  if (error instanceof Refused && error.code === "CHUNK_MISMATCH")
    throw new LocalChanged("the file was changed while it was being sent", { cause: error });
  throw error;
}

/**
 * Sends a file: what the server lacks of it, with what it has of the base. Begun again after a break, it goes on.
 * `onSent` is told how many bytes have been sent.
 */
export async function putFile(
  server: Server,
  target: PutTarget,
  sending: Sending,
): Promise<NodeFacts> {
  const { described } = sending;
  if (described.size <= smallBytes) return putSmall(server, target, sending);
  let upload = await begin(server, target, sending);
  for (let round = 0; ; round += 1) {
    while (upload.missing.length > 0) {
      await sendChunks(server, upload, sending);
      upload = await server.ask(UploadFacts, "GET", `uploads/${upload.id}`);
    }
    try {
      return await server.ask(NodeFacts, "POST", `uploads/${upload.id}/commit`);
    } catch (error) {
      const isAsked = error instanceof Refused && error.code === "CHUNKS_MISSING";
      if (!isAsked || round === rounds) throw error;
      upload = await server.ask(UploadFacts, "GET", `uploads/${upload.id}`);
    }
  }
}
