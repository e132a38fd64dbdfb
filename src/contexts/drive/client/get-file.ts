import { open, rm, stat, utimes, type FileHandle } from "node:fs/promises";
import type { Instant } from "#kernel/instant.ts";
import type { RevisionNumber, Sha256 } from "../domain/content.ts";
import { isCopied, type Copied, type Part } from "../domain/delta.ts";
import type { NodeId } from "../domain/ids.ts";
import { describeBytes, describeFile, type Described } from "./described-file.ts";
import { inRanges } from "./byte-ranges.ts";
import type { Server } from "./server.ts";

/** A revision of a file on the server. */
export type Wanted = {
  readonly id: NodeId;
  readonly revision: RevisionNumber;
  readonly size: number;
  readonly hash: Sha256;
  readonly modifiedAt?: Instant | undefined;
};
/** A local file that has another revision, from which bytes are copied. */
export type Base = { readonly path: string; readonly revision: RevisionNumber };

type Getting = {
  /** Where the bytes are put. What lies there from before a break is gone on with. */
  readonly into: string;
  readonly base?: Base | undefined;
  readonly onReceived: (bytes: number) => void;
};

/** The bytes that came are not those of the revision. */
export class DownloadDamaged extends Error {}

/** A file with fewer bytes is downloaded whole. */
const smallBytes = 2 ** 18;
/** Ranges and bytes that one request asks for. */
const [maxRanges, groupBytes] = [100, 16 * 2 ** 20];
const copiedBytes = 2 ** 20;
const content = ({ id }: Pick<Wanted, "id">) => `nodes/${id}/content`;

async function partsOf(server: Server, { id, revision }: Wanted, base: Base) {
  const query = { revision, base: base.revision };
  const answer = await server.open("GET", `nodes/${id}/manifest`, { query });
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Part);
}

type Span = { readonly from: number; readonly until: number };

/** Where parts lie in a content: those that are copied, and those that are to come, as few as they can be. */
function laidOut(parts: readonly Part[]) {
  const copies: { readonly part: Copied; readonly at: number }[] = [];
  const coming: Span[] = [];
  let at = 0;
  for (const part of parts) {
    const size = isCopied(part) ? part.until - part.from : part.size;
    const last = coming.at(-1);
    if (isCopied(part)) copies.push({ part, at });
    else if (last?.until === at) coming[coming.length - 1] = { from: last.from, until: at + size };
    else coming.push({ from: at, until: at + size });
    at += size;
  }
  return { copies, coming };
}

/** Spans that one request asks for. */
function* groupsOf(spans: readonly Span[]): Generator<readonly Span[]> {
  let [group, bytes]: [Span[], number] = [[], 0];
  const pieces = spans.flatMap(({ from, until }) =>
    Array.from({ length: Math.ceil((until - from) / groupBytes) }, (_, i) => ({
      from: from + i * groupBytes,
      until: Math.min(from + (i + 1) * groupBytes, until),
    })),
  );
  for (const span of pieces) {
    const size = span.until - span.from;
    if (group.length === maxRanges || (group.length > 0 && bytes + size > groupBytes)) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(span);
    bytes += size;
  }
  if (group.length > 0) yield group;
}

async function copy(from: FileHandle, to: FileHandle, part: Copied, at: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(copiedBytes, part.until - part.from));
  for (let done = 0; done < part.until - part.from;) {
    const length = Math.min(buffer.length, part.until - part.from - done);
    const { bytesRead } = await from.read(buffer, 0, length, part.from + done);
    if (bytesRead === 0) throw new DownloadDamaged("the local file is shorter than it was");
    await to.write(buffer, 0, bytesRead, at + done);
    done += bytesRead;
  }
}

/** Puts a content together, of the bytes of another one and those that are asked for. */
async function assemble(server: Server, wanted: Wanted, { into, onReceived }: Getting, base: Base) {
  const { copies, coming } = laidOut(await partsOf(server, wanted, base));
  await using source = await open(base.path);
  await using target = await open(into, "w");
  for (const { part, at } of copies) await copy(source, target, part, at);
  for (const group of groupsOf(coming)) {
    const spans = group.map(({ from, until }) => `${from}-${until - 1}`);
    const answer = await server.open("GET", content(wanted), {
      query: { revision: wanted.revision },
      headers: { range: `bytes=${spans.join(",")}` },
    });
    for (const { from, bytes } of await inRanges(answer)) {
      await target.write(bytes, 0, bytes.length, from);
      onReceived(bytes.length);
    }
  }
  await target.truncate(wanted.size);
  await target.sync();
}

const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => undefined))?.size ?? 0;

/** Times in a row that a download may bring no byte. */
const barren = 5;

/** Downloads a content, from where an earlier download broke off. */
async function download(server: Server, wanted: Wanted, getting: Getting): Promise<void> {
  await (await open(getting.into, "a")).close();
  for (let failures = 0, from = await sizeOf(getting.into); from !== wanted.size;) {
    if (from > wanted.size) await rm(getting.into);
    const before = from > wanted.size ? 0 : from;
    const failure = await downloadFrom(server, wanted, { ...getting, from: before });
    from = await sizeOf(getting.into);
    failures = from > before && from <= wanted.size ? 0 : failures + 1;
    if (failures > barren)
      throw (
        failure ?? new DownloadDamaged(`the server sends no ${wanted.size} bytes of ${wanted.id}`)
      );
  }
}

/** Receives what comes from a byte on. Answers why it broke off. */
async function downloadFrom(
  server: Server,
  { id, revision }: Pick<Wanted, "id" | "revision">,
  { into, from, onReceived }: Getting & { readonly from: number },
): Promise<unknown> {
  await using file = await open(into, "a");
  const headers = { range: `bytes=${from}-`, "if-range": `"r${revision}"` };
  const answer = await server.open("GET", `nodes/${id}/content`, { query: { revision }, headers });
  if (answer.status !== 206) await file.truncate(0);
  try {
    for await (const piece of answer.body ?? []) {
      await file.write(piece);
      onReceived(piece.length);
    }
    await file.sync();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A local file was last changed when its content was. */
async function date({ modifiedAt }: Wanted, set: (time: Date) => Promise<void>): Promise<void> {
  if (modifiedAt !== undefined) await set(new Date(modifiedAt));
}

/** Receives a small file in one piece, which is not read again. Undefined where that has failed. */
async function receiveSmall(
  server: Server,
  wanted: Wanted,
  { into, onReceived }: Getting,
): Promise<Described | undefined> {
  const { id, revision, hash } = wanted;
  const answer = await server.open("GET", content({ id }), { query: { revision } });
  const bytes = await answer.arrayBuffer().then(Buffer.from, () => undefined);
  const described = bytes && (await describeBytes(bytes));
  if (!bytes || described?.hash !== hash) return undefined;
  await using file = await open(into, "w");
  await file.writeFile(bytes);
  await date(wanted, (time) => file.utimes(time, time));
  await file.sync();
  onReceived(bytes.length);
  return described;
}

/**
 * Puts a revision of a file into a local one, and describes it. Of a file that has another revision, only what is new comes over the wire.
 * `onReceived` is told how many bytes have come.
 */
export async function getFile(
  server: Server,
  wanted: Wanted,
  getting: Getting,
): Promise<Described> {
  const { into, base } = getting;
  const isSame = ({ hash }: Described) => hash === wanted.hash;
  const small = wanted.size <= smallBytes && (await receiveSmall(server, wanted, getting));
  if (small) return small;
  if (base && wanted.size > smallBytes) {
    const assembled = await assemble(server, wanted, getting, base).then(
      () => describeFile(into),
      () => undefined,
    );
    if (assembled && isSame(assembled)) {
      await date(wanted, (time) => utimes(into, time, time));
      return assembled;
    }
    await rm(into, { force: true }); // the connection was cut, or the base is another one than was thought
  }
  await download(server, wanted, getting);
  const described = await describeFile(into);
  if (isSame(described)) {
    await date(wanted, (time) => utimes(into, time, time));
    return described;
  }
  await rm(into);
  throw new DownloadDamaged(
    `${wanted.id} came with other bytes than revision ${wanted.revision} has`,
  );
}
