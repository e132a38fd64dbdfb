// The drive beside nginx's WebDAV module where that is installed (unflushed), and large folders.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { pack } from "tar-stream";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { mebibytes, nginx, rate, rounds, small, storm } from "./beside-nginx.ts";
import { clientFigures } from "./drive-client.ts";
import { signIn, unlimited } from "./http.ts";
import {
  median,
  percentile,
  scratchFolder,
  spread,
  startServer,
  type Figure,
  type Server,
} from "./measure.ts";

const children = 100_000;
const asked = 200;
const lostFiles = 40_000;
const manyUploads = { uploads: 16, mebibytes: 64 };

type Headers = Readonly<Record<string, string>>;
type At = { readonly url: string; readonly headers: Headers };
export type Drive = At & { readonly rootId: string; readonly spaceId: string };

const octets = { "content-type": "application/octet-stream" };

export async function send({ url, headers }: At, method: string, at: string, body?: object) {
  const answer = await fetch(`${url}/api/v1${at}`, {
    method,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${at}: ${await answer.text()}`);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

export async function openSpace(at: At): Promise<Drive> {
  const space = await send(at, "POST", "/drive/spaces", { name: "Bench" });
  return { ...at, spaceId: String(space["id"]), rootId: String(space["rootId"]) };
}

const flags = (headers: Headers) =>
  Object.entries({ ...headers, ...octets }).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);

async function bigFigures(drive: Drive, folder: string, dav?: string): Promise<readonly Figure[]> {
  const [file, out] = [path.join(folder, "big"), path.join(folder, "out")];
  const [ups, downs, peerUps, peerDowns]: number[][] = [[], [], [], []];
  for (let round = 0; round < rounds; round += 1) {
    writeFileSync(file, randomBytes(mebibytes * 2 ** 20));
    const name = `big-${round}`;
    const to = `${drive.url}/api/v1/drive/nodes/${drive.rootId}/files?name=${name}`;
    ups?.push(await rate(["-o", out, "-X", "POST", "-T", file, ...flags(drive.headers), to]));
    const { id } = JSON.parse(readFileSync(out, "utf8")) as { readonly id: string };
    const from = `${drive.url}/api/v1/drive/nodes/${id}/content`;
    downs?.push(await rate(["-o", out, ...flags(drive.headers), from]));
    if (dav === undefined) continue;
    peerUps?.push(await rate(["-T", file, `${dav}/${name}`]));
    peerDowns?.push(await rate(["-o", out, `${dav}/${name}`]));
  }
  const figure = (what: string, own: number[] = [], peer: number[] = [], bar = 0): Figure => {
    const ratio = median(own) / median(peer);
    const beside = peer.length === 0 ? "nginx is not installed" : `${ratio.toFixed(2)} × nginx`;
    return {
      what: `${what} of ${mebibytes} MiB`,
      measured: `${spread(own, 0)} MiB/s, ${beside}`,
      bar: `≥ ${bar} ×`,
      kept: peer.length === 0 || ratio >= bar,
    };
  };
  return [
    figure("upload, flushed,", ups, peerUps, 0.45),
    figure("download", downs, peerDowns, 0.6),
  ];
}

/** Many small files as one archive. */
async function batchOf(drive: Drive, round: number): Promise<number> {
  const archive = pack();
  for (let n = 0; n < small.files; n += 1)
    archive.entry({ name: `batch-${round}/${n}` }, randomBytes(small.bytes));
  archive.finalize();
  const body = new Uint8Array(await buffer(archive));
  const begun = performance.now();
  const answer = await fetch(`${drive.url}/api/v1/drive/nodes/${drive.rootId}/batch`, {
    method: "POST",
    headers: { ...drive.headers, "content-type": "application/x-tar" },
    body,
  });
  const { items } = (await answer.json()) as { readonly items: readonly object[] };
  if (items.length !== small.files) throw new Error("a batch was refused");
  return small.files / ((performance.now() - begun) / 1_000);
}

async function smallFigures(drive: Drive, dav?: string): Promise<readonly Figure[]> {
  const [own, batches, peer]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    const body = () => new Uint8Array(randomBytes(small.bytes));
    const headers = { ...drive.headers, ...octets };
    const to = `${drive.url}/api/v1/drive/nodes/${drive.rootId}/files?name=small-${round}-`;
    own.push(await storm((n) => fetch(`${to}${n}`, { method: "POST", headers, body: body() })));
    batches.push(await batchOf(drive, round));
    if (dav !== undefined)
      peer.push(
        await storm((n) => fetch(`${dav}/small-${round}-${n}`, { method: "PUT", body: body() })),
      );
  }
  const figure = (what: string, rates: readonly number[], bar: number): Figure => {
    const ratio = median(rates) / median(peer);
    const beside = peer.length === 0 ? "nginx is not installed" : `${ratio.toFixed(2)} × nginx`;
    return {
      what: `${small.files} files of ${small.bytes} bytes ${what}, flushed`,
      measured: `${spread(rates, 0)} /s, ${beside}`,
      bar: `≥ ${bar} ×`,
      kept: peer.length === 0 || ratio >= bar,
    };
  };
  return [
    figure(`by single uploads, ${small.atOnce} at once`, own, 0.5),
    figure("by one batch", batches, 1.3),
  ];
}

async function p99(work: (n: number) => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let n = 0; n < asked; n += 1) {
    const begun = performance.now();
    await work(n);
    all.push(performance.now() - begun);
  }
  return percentile(all, 0.99);
}

const fill = `insert into drive.nodes (id, space_id, parent_id, name, name_key, kind, revision, size, hash, media_type, modified_at, created_at,
                         changed_at, version)
   select 'node_' || lpad(n::text, 26, '0'), $1, $2, 'n' || lpad(n::text, 8, '0'), 'n' || lpad(n::text, 8, '0'), 'file', 1, 0,
          repeat('0', 64), 'application/octet-stream', now(), now(), now(), 1 from generate_series(1, $3::int) n`;

/** Files of an hour ago, of which one half was deleted since, one by one, and the other one overwritten. */
const damage = [
  `insert into drive.nodes (id, space_id, parent_id, name, name_key, kind, revision, size, hash, media_type, modified_at, created_at,
                            changed_at, trashed_at, version)
   select 'node_' || lpad('m' || n, 26, '0'), $1, $2, 'm' || n, 'm' || n, 'file', 1 + n % 2, 0, md5(n::text) || md5(n::text),
          'application/octet-stream', now(), now() - interval '2 hours', now() - interval '1 minute', case n % 2 when 0 then now() - interval '1 minute' end, 2
     from generate_series(1, $3::int) n`,
  `insert into drive.past_places (node_id, version, parent_id, name, name_key, until)
   select id, 1, parent_id, name, name_key, trashed_at from drive.nodes where parent_id = $2 and trashed_at is not null`,
  `insert into drive.revisions (node_id, number, size, hash, media_type, modified_at, created_at)
   select id, r, 0, md5(id || r) || md5(id || r), media_type, modified_at, case r when 1 then created_at else changed_at end
     from drive.nodes, generate_series(1, revision) r where parent_id = $2`,
  `update drive.nodes n set hash = r.hash from drive.revisions r
    where n.parent_id = $2 and r.node_id = n.id and r.number = n.revision`,
  `insert into drive.chunks (hash, segment, place, size, used_at)
   select sha256(node_id::bytea), 'none', 0, 4096, created_at from drive.revisions where number = 1
     and node_id in (select id from drive.nodes where parent_id = $2)`,
  `insert into drive.manifests (node_id, number, starts_at, hashes, sizes)
   select node_id, number, 0, sha256(node_id::bytea), '\\x00001000' from drive.revisions
    where node_id in (select id from drive.nodes where parent_id = $2)`,
  "update drive.nodes set created_at = now() - interval '3 hours' where id = $2",
];

/** The time machine, on files that are rows alone. */
async function restoreFigure(drive: Drive, folder: string): Promise<Figure> {
  const made = await send(drive, "POST", `/drive/nodes/${drive.rootId}/folders`, { name: "lost" });
  const lost = String(made["id"]);
  const client = new pg.Client(EmbeddedPostgres.running(folder));
  await client.connect();
  for (const text of damage) {
    const values = [drive.spaceId, lost, lostFiles];
    // A statement is given the values that it names.
    await client.query(
      text.replaceAll(/\$(\d)/g, (_, n) => client.escapeLiteral(String(values[Number(n) - 1]))),
    );
  }
  await client.end();
  const at = new Date(Date.now() - 3_600_000).toISOString();
  const begun = performance.now();
  const told = await send(drive, "POST", `/drive/nodes/${lost}/past/restoration`, { at });
  const took = (performance.now() - begun) / 1_000;
  const isWhole = Number(told["restored"]) + Number(told["revised"]) === lostFiles;
  return {
    what: `${lostFiles} files as of an hour ago, half of them deleted and half overwritten`,
    measured: isWhole ? `${took.toFixed(1)} s` : `restored ${JSON.stringify(told)}`,
    bar: "< 3 s",
    kept: isWhole && took < 3,
  };
}

async function folderFigures(drive: Drive, folder: string): Promise<readonly Figure[]> {
  const client = new pg.Client(EmbeddedPostgres.running(folder));
  const made = async (name: string) =>
    String((await send(drive, "POST", `/drive/nodes/${drive.rootId}/folders`, { name }))["id"]);
  const [large, to] = [await made("large"), await made("to")];
  await client.connect();
  await client.query(fill, [drive.spaceId, large, children]);
  await client.query("analyze drive.nodes");
  await client.end();
  const listing = await p99(() =>
    send(drive, "GET", `/drive/nodes/${large}/children?limit=1000&cursor=n00050000`),
  );
  const moving = await p99((n) =>
    send(drive, "PATCH", `/drive/nodes/${large}`, { parentId: n % 2 === 0 ? to : drive.rootId }),
  );
  return [
    {
      what: `1000 of ${children} children`,
      measured: `p99 ${listing.toFixed(1)} ms`,
      bar: "p99 < 15 ms",
      kept: listing < 15,
    },
    {
      what: `move of a folder with ${children} below`,
      measured: `p99 ${moving.toFixed(1)} ms`,
      bar: "p99 < 10 ms",
      kept: moving < 10,
    },
  ];
}

/** From the moment at which a folder is made until a follower of the space hears of it. */
async function feedFigure(drive: Drive): Promise<Figure> {
  const path = `${drive.url}/api/v1/drive/spaces/${drive.spaceId}/changes/stream`;
  const stream = await fetch(path, { headers: drive.headers });
  const reader = stream.body?.getReader();
  if (!reader) throw new Error("nothing is streamed");
  const heard = new Map<string, number>();
  const listening = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const [, name = ""] of Buffer.from(value)
        .toString()
        .matchAll(/"name":"(feed-\d+)"/g))
        heard.set(name, performance.now());
    }
  })();
  const all: number[] = [];
  for (let n = 0; n < asked; n += 1) {
    const name = `feed-${n}`;
    await send(drive, "POST", `/drive/nodes/${drive.rootId}/folders`, { name });
    const madeAt = performance.now();
    while (!heard.has(name)) await sleep(1);
    all.push((heard.get(name) ?? Infinity) - madeAt);
    await sleep(30);
  }
  await reader.cancel();
  await listening;
  const late = percentile(all, 0.99);
  return {
    what: "feed wakes after a change is acknowledged",
    measured: `p99 ${late.toFixed(1)} ms`,
    bar: "p99 < 50 ms",
    kept: late < 50,
  };
}

function memoryOf({ pid }: Server): number {
  const [, kB] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kB) / 1_024;
}

/** Memory above rest while many files arrive at once. Linux only. */
async function memoryFigure(server: Server, drive: Drive): Promise<Figure> {
  const rest = memoryOf(server);
  let most = rest;
  const over = new AbortController();
  const watching = (async () => {
    for (; !over.signal.aborted; await sleep(50)) most = Math.max(most, memoryOf(server));
  })();
  const piece = new Uint8Array(randomBytes(2 ** 20));
  const upload = (n: number) => {
    let left = manyUploads.mebibytes;
    const body = new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        left -= 1;
        piece[left] = n;
        controller.enqueue(piece.slice());
      },
    });
    const to = `${drive.url}/api/v1/drive/nodes/${drive.rootId}/files?name=many-${n}`;
    const headers = { ...drive.headers, ...octets };
    return fetch(to, { method: "POST", headers, body, duplex: "half" });
  };
  const answers = await Promise.all(
    Array.from({ length: manyUploads.uploads }, (_, n) => upload(n)),
  );
  over.abort();
  await watching;
  const isWhole = answers.every(({ status }) => status === 201);
  return {
    what: `memory above rest, ${manyUploads.uploads} uploads of ${manyUploads.mebibytes} MiB at once`,
    measured: isWhole ? `${(most - rest).toFixed(0)} MiB` : "an upload was refused",
    bar: "≤ 128 MiB",
    kept: isWhole && most - rest <= 128,
  };
}

export async function driveFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const data = path.join(folder.path, "data");
  await using server = await startServer(["src/cli.ts", "start"], {
    ...unlimited,
    BASALT_DATA_DIR: data,
  });
  const { headers } = await signIn(server);
  const drive = await openSpace({ url: server.url, headers });
  const memory = await memoryFigure(server, drive);
  await using dav = await nginx(path.join(folder.path, "nginx"));
  return [
    ...(await bigFigures(drive, folder.path, dav?.url)),
    ...(await smallFigures(drive, dav?.url)),
    await feedFigure(drive),
    ...(await folderFigures(drive, data)),
    await restoreFigure(drive, data),
    memory,
    ...(await clientFigures({ ...drive, credential: headers.authorization.slice(7) }, folder.path)),
  ];
}
