import { createHash } from "node:crypto";
import { tarOf } from "../../src/contexts/drive/testing/archives.ts";
import { adminEmail } from "../support/basalt.ts";
import type { Chance } from "../support/chance.ts";
import type { Ask, Found } from "./audit.ts";
import { isDone, type Acknowledged, type Ledger, type Operation } from "./ledger.ts";

const octets = "application/octet-stream";

/** Text that no other key has, of some chunks. */
const textOf = (key: string, chance: Chance): string =>
  Array.from({ length: 1 + Math.floor(chance() * 4_000) }, (_, i) => `${key} ${i * i}`).join("\n");

/** Small files that come together, as a tar archive. */
const batchedFiles = 5;
const batchOf = (key: string): readonly { readonly name: string; readonly text: string }[] =>
  Array.from({ length: batchedFiles }, (_, i) => ({
    name: `${key}-b${i}`,
    // The last two are equal.
    text: `${key} ${Math.min(i, batchedFiles - 2)}`.repeat(40),
  }));
const batchedTexts = (key: string) => batchOf(key).map(({ text }) => text);

/** A content that comes as one chunk of an upload. */
const uploadedText = (key: string): string => `${key} came in parts. `.repeat(60);

export function uploadOf(key: string, folder: string): Operation {
  const text = uploadedText(key);
  const hash = createHash("sha256").update(text).digest("hex");
  return {
    key,
    kind: "upload",
    path: `/drive/nodes/${folder}/uploads?name=${key}-up&size=${text.length}&hash=${hash}`,
    body: JSON.stringify({ hash, size: text.length }),
    type: "application/x-ndjson",
  };
}

const chunksOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-chunks`,
  about: key,
  kind: "chunks",
  method: "PUT",
  path: `/drive/uploads/${answer}/chunks?chunks=0`,
  body: uploadedText(key),
  type: octets,
});

/** Its key is the name of the file that it makes. */
const commitOf = ({ key, path: chunks }: Acknowledged): Operation => ({
  key: key.replace(/-chunks$/, "-up"),
  about: key,
  kind: "commit",
  path: chunks.replace(/chunks.*$/, "commit"),
  body: {},
});

/** Another file with the content that a file has by now. */
const copyOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-copy`,
  about: key,
  kind: "copy",
  path: `/drive/nodes/${answer}/copies`,
  body: { name: `${key}-copy` },
});

/** Another content of a file or a copy of it, unless it is left alone. */
function changeOf(told: Acknowledged, chance: Chance): Operation | undefined {
  const { key, answer } = told;
  const draw = chance();
  if (draw < 0.2) return undefined;
  if (draw < 0.5) return copyOf(told);
  return {
    key: `${key}-rev`,
    about: key,
    kind: "revision",
    method: "PUT",
    path: `/drive/nodes/${answer}/content`,
    match: '"r1"',
    body: textOf(`${key}-rev`, chance),
    type: octets,
  };
}

/** The content that a file had first, again. */
const backOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-back`,
  about: key,
  kind: "back",
  path: `/drive/nodes/${answer}/revisions/1/restoration`,
  match: '"r2"',
  body: {},
});

/** A copy that is deleted for good: by way of the trash. */
const passingOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-gone`,
  about: key,
  kind: "passing",
  path: `/drive/nodes/${answer}/copies`,
  body: { name: `${key}-gone` },
});
const trashOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-trash`,
  about: key,
  kind: "trash",
  method: "DELETE",
  path: `/drive/nodes/${answer}`,
});
const nodeIn = ({ path: at }: Operation): string => at.split("/")[3] ?? "";
const purgeOf = (told: Acknowledged): Operation => ({
  key: `${told.key}-purge`,
  about: told.key,
  kind: "purge",
  method: "DELETE",
  path: `/drive/trash/${nodeIn(told)}`,
});

/** What people do next with what they have put into the drive. */
export function sequelOfFile(told: Acknowledged, chance: Chance): Operation | undefined {
  if (told.kind === "file") return changeOf(told, chance);
  if (told.kind === "revision") return chance() < 0.5 ? copyOf(told) : backOf(told);
  if (told.kind === "commit") return passingOf(told);
  if (told.kind === "passing") return trashOf(told);
  if (told.kind === "trash") return purgeOf(told);
  if (told.kind === "upload") return chunksOf(told);
  return told.kind === "chunks" ? commitOf(told) : undefined;
}

/** A file that is put into a folder as a body. */
export const putOf = (key: string, folder: string, chance: Chance): Operation => ({
  key,
  kind: "file",
  path: `/drive/nodes/${folder}/files?name=${key}`,
  body: textOf(key, chance),
  type: octets,
});

export const archiveOf = async (key: string, folder: string): Promise<Operation> => ({
  key,
  kind: "batch",
  path: `/drive/nodes/${folder}/batch`,
  body: (await tarOf(batchOf(key))).toString(),
  type: "application/x-tar",
});

const pieceOf = (key: string, number: number): string => `piece ${number} of ${key}. `.repeat(50);
const pieces = [1, 2, 3];

/** A file that comes in pieces, as a client of Nextcloud sends it. Its key is the name of the file. */
export const piecesOf = (key: string): Operation => ({
  key: `${key}-nc`,
  kind: "pieces",
  path: "/remote.php/dav",
  body: pieces.map((number) => pieceOf(key, number)).join(""),
});

type Step = {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
  readonly destination?: string;
  readonly goesOn: readonly number[];
};
/** The requests of such a file, and the statuses that let a client go on: it may have sent any of them before. */
export function requestsOf({ key, path: at }: Operation, url: string): readonly Step[] {
  const name = key.replace(/-nc$/, "");
  const transfer = `${url}${at}/uploads/${adminEmail}/${key}`;
  const destination = `${url}${at}/files/${adminEmail}/My%20files/${key}`;
  return [
    { method: "MKCOL", url: transfer, goesOn: [201, 405] },
    ...pieces.map((number) => ({
      method: "PUT",
      url: `${transfer}/${number}`,
      body: pieceOf(name, number),
      goesOn: [201, 409],
    })),
    { method: "MOVE", url: `${transfer}/.file`, destination, goesOn: [201, 204] },
  ];
}

/** What each file should hold: what was put into it last, or what its original held by then. */
function contentsOf(ledger: Ledger): ReadonlyMap<string, string> {
  const done = [...ledger.acknowledged.values()].filter(isDone);
  const last = new Map<string, string>();
  const first = new Map<string, string>();
  for (const { kind, answer, body } of done) if (kind === "file") first.set(answer, body as string);
  for (const [id, text] of first) last.set(id, text);
  for (const told of done) if (told.kind === "revision") last.set(told.answer, told.body as string);
  for (const told of done) {
    const { kind, key, answer } = told;
    if (kind === "back") last.set(answer, first.get(answer) ?? "");
    if (kind === "copy") last.set(answer, last.get(nodeIn(told)) ?? "");
    if (kind === "pieces") last.set(answer, told.body as string);
    if (kind === "commit") last.set(answer, uploadedText(key.replace(/-up$/, "")));
    if (kind === "batch")
      for (const [i, id] of answer.split(" ").entries()) last.set(id, batchedTexts(key)[i] ?? "");
  }
  return last;
}

/** What spaces have is counted as their revisions say. */
export async function usage(ask: Ask): Promise<readonly string[]> {
  const contents = await ask(
    `with wanted as (
       select n.space_id, r.hash, r.size, count(*) as uses
         from drive.revisions r join drive.nodes n on n.id = r.node_id group by 1, 2, 3)
     select coalesce(c.hash, w.hash) as id, c.uses::int, w.uses::int as wanted
       from drive.contents c full join wanted w on w.space_id = c.space_id and w.hash = c.hash and w.size = c.size
      where c.uses is distinct from w.uses limit 5`,
  );
  const sums = await ask(
    `with wanted as (
       select s.owner_id, sum(c.size) as bytes from drive.contents c join drive.spaces s on s.id = c.space_id group by 1),
     kept as (select owner_id, sum(bytes) as bytes from drive.usage group by 1)
     select w.owner_id as id, k.bytes::int, w.bytes::int as wanted
       from wanted w full join kept k using (owner_id) where coalesce(k.bytes, 0) <> coalesce(w.bytes, 0)`,
  );
  return [...contents, ...sums].map((row) => `usage: ${JSON.stringify(row)}`);
}

/** What was deleted for good has left nothing, and nothing else that was to pass has been made. */
export async function purged(ask: Ask, ledger: Ledger): Promise<readonly string[]> {
  const done = [...ledger.acknowledged.values()].filter(isDone);
  const toldOf = (kind: Operation["kind"]) => done.filter((told) => told.kind === kind);
  const gone = new Set(toldOf("purge").map(nodeIn));
  const known = new Set(toldOf("passing").map(({ answer }) => answer));
  const left = await ask(
    `select id, name from drive.nodes where name like '%-gone'
      union all select r.node_id, 'a revision' from drive.revisions r left join drive.nodes n on n.id = r.node_id where n.id is null
      union all select t.space_id, 'a thumbnail' from drive.thumbnails t left join drive.contents c using (space_id, hash) where c.hash is null
      union all select m.node_id, 'chunks' from drive.manifests m left join drive.revisions r on r.node_id = m.node_id and r.number = m.number
                 where r.node_id is null`,
  );
  return left
    .filter(
      ({ id, name }) =>
        gone.has(String(id)) || !known.has(String(id)) || !String(name).endsWith("-gone"),
    )
    .slice(0, 5)
    .map((row) => `purged: ${JSON.stringify(row)} is left`);
}

/** Every file holds what it should, byte by byte. */
export async function files(
  ledger: Ledger,
  { contentOf }: Pick<Found, "contentOf">,
): Promise<readonly string[]> {
  const last = contentsOf(ledger);
  const complaints: string[] = [];
  for (const [id, wanted] of last) {
    const found = await contentOf(id).catch(String);
    if (found !== wanted) complaints.push(`file: ${id} has other bytes: ${found.slice(0, 200)}`);
  }
  return complaints.slice(0, 5);
}
