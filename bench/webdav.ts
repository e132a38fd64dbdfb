// The door of WebDAV beside nginx's modules, where these are installed, and nephele (both unflushed).
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { mebibytes, nginx, rate, rounds, small, storm } from "./beside-nginx.ts";
import { openSpace } from "./drive.ts";
import { signIn, unlimited } from "./http.ts";
import { median, scratchFolder, spread, startServer, type Figure } from "./measure.ts";
import { installPeers } from "./peers.ts";

const listings = 5;
type Headers = Readonly<Record<string, string>>;
/** A server of WebDAV, and what its requests have. */
type Server = { readonly url: string; readonly headers: Headers };

const flags = (headers: Headers) =>
  Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);

type Load = (server: Server, round: number) => Promise<number>;

/** A large file each way, MiB/s. The round's upload comes before its download. */
const upload =
  (folder: string): Load =>
  ({ url, headers }, round) => {
    const file = path.join(folder, "big");
    writeFileSync(file, randomBytes(mebibytes * 2 ** 20));
    const out = path.join(folder, "out");
    return rate(["-o", out, "-T", file, ...flags(headers), `${url}/big-${round}`]);
  };
const download =
  (folder: string): Load =>
  ({ url, headers }, round) =>
    rate(["-o", path.join(folder, "out"), ...flags(headers), `${url}/big-${round}`]);

/** Small files, each with other bytes, files/s. */
const smallFiles: Load = ({ url, headers }, round) => {
  const to = (n: number) => `${url}/small-${round}-${n}`;
  const body = () => new Uint8Array(randomBytes(small.bytes));
  return storm((n) => fetch(to(n), { method: "PUT", headers, body: body() }));
};

/** How long a folder of a thousand files takes to be told, ms. */
const listing: Load = async ({ url, headers }) => {
  const begun = performance.now();
  const asked = { method: "PROPFIND", headers: { ...headers, depth: "1" } };
  const text = await (await fetch(`${url}/many/`, asked)).text();
  const told = text.split("href>").length / 2;
  if (told < small.files) throw new Error(`PROPFIND told ${told} resources`);
  return performance.now() - begun;
};

async function makeMany({ url, headers }: Server): Promise<void> {
  const made = await fetch(`${url}/many/`, { method: "MKCOL", headers });
  if (!made.ok) throw new Error(`MKCOL was answered ${made.status}`);
  const body = new Uint8Array(randomBytes(small.bytes));
  await storm((n) => fetch(`${url}/many/${n}`, { method: "PUT", headers, body }));
}

type Named<T> = Readonly<Record<string, T>>;

/** A load on all servers by turns. */
async function inTurn(
  servers: Named<Server>,
  times: number,
  load: Load,
): Promise<Named<readonly number[]>> {
  const measured: Record<string, number[]> = {};
  for (let round = 0; round < times; round += 1)
    for (const [name, server] of Object.entries(servers))
      (measured[name] ??= []).push(await load(server, round));
  return measured;
}

type Bar = { readonly least: number } | { readonly most: number };

/** Ours beside a peer, which may not be there. */
function beside(
  what: string,
  unit: string,
  measured: Named<readonly number[]>,
  [peer, bar]: readonly ["nginx" | "nephele", Bar],
): Figure {
  const { ours = [], [peer]: theirs } = measured;
  const own = `${spread(ours, 0)} ${unit}`;
  const [sign, limit] = "least" in bar ? ["≥", bar.least] : ["≤", bar.most];
  const told = { what, bar: `${sign} ${limit} × ${peer}` };
  if (!theirs) return { ...told, measured: `${own}, ${peer} is not there`, kept: true };
  const ratio = median(ours) / median(theirs);
  const kept = "least" in bar ? ratio >= limit : ratio <= limit;
  return { ...told, measured: `${own}, ${ratio.toFixed(2)} × ${peer}`, kept };
}

async function nephele(folder: string): ReturnType<typeof startServer> {
  if (!installPeers()) throw new Error("the peers could not be installed");
  mkdirSync(folder);
  return startServer(["bench/peers/nephele.ts", folder], { NODE_ENV: "production" });
}

export async function webdavFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const at = (name: string) => path.join(folder.path, name);
  await using server = await startServer(["src/cli.ts", "start"], {
    ...unlimited,
    BASALT_DATA_DIR: at("data"),
  });
  const { headers } = await signIn(server);
  await openSpace({ url: server.url, headers });
  await using peer = await nginx(at("nginx"));
  await using other = await nephele(at("nephele"));
  const none = {};
  const ours = { url: `${server.url}/dav/Bench`, headers };
  const two = { ours, ...(peer && { nginx: { url: peer.url, headers: none } }) };
  const three = { ...two, nephele: { url: other.url, headers: none } };
  const listed = {
    ours,
    ...(peer?.knowsPropfind && { nginx: { url: peer.url, headers: none } }),
    nephele: three.nephele,
  };
  const up = await inTurn(two, rounds, upload(folder.path));
  const down = await inTurn(two, rounds, download(folder.path));
  const files = await inTurn(three, rounds, smallFiles);
  for (const one of Object.values(listed)) await makeMany(one);
  const lists = await inTurn(listed, listings, listing);
  const what = {
    files: `${small.files} files of ${small.bytes} bytes, ${small.atOnce} at once, flushed,`,
    lists: `PROPFIND of ${small.files} files`,
  };
  return [
    beside(`upload of ${mebibytes} MiB, flushed,`, "MiB/s", up, ["nginx", { least: 0.45 }]),
    beside(`download of ${mebibytes} MiB`, "MiB/s", down, ["nginx", { least: 0.6 }]),
    beside(what.files, "/s", files, ["nginx", { least: 0.5 }]),
    beside(what.files, "/s", files, ["nephele", { least: 2 }]),
    beside(what.lists, "ms", lists, ["nginx", { most: 2 }]),
    beside(what.lists, "ms", lists, ["nephele", { most: 0.1 }]),
  ];
}
