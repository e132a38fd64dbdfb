// The door of WebDAV beside nginx's modules, where these are installed (unflushed).
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { mebibytes, nginx, rate, rounds, small, storm } from "./beside-nginx.ts";
import { openSpace } from "./drive.ts";
import { signIn, unlimited } from "./http.ts";
import { median, scratchFolder, spread, startServer, type Figure } from "./measure.ts";

const listings = 5;
type Headers = Readonly<Record<string, string>>;
/** A server of WebDAV, and what its requests have. */
type Server = { readonly url: string; readonly headers: Headers };

const flags = (headers: Headers) =>
  Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);

/** One round of each load. Rates are MiB/s, files/s and milliseconds. */
async function measured({ url, headers }: Server, folder: string, round: number) {
  const [file, out] = [path.join(folder, "big"), path.join(folder, "out")];
  writeFileSync(file, randomBytes(mebibytes * 2 ** 20));
  const big = `${url}/big-${round}`;
  const up = await rate(["-o", out, "-T", file, ...flags(headers), big]);
  const down = await rate(["-o", out, ...flags(headers), big]);
  const to = (n: number) => `${url}/small-${round}-${n}`;
  const body = () => new Uint8Array(randomBytes(small.bytes));
  const files = await storm((n) => fetch(to(n), { method: "PUT", headers, body: body() }));
  return { up, down, files };
}

/** How long a folder of a thousand files takes to be told, ms. */
async function listed({ url, headers }: Server): Promise<number> {
  const begun = performance.now();
  const asked = { method: "PROPFIND", headers: { ...headers, depth: "1" } };
  const text = await (await fetch(`${url}/`, asked)).text();
  const told = text.split("href>").length / 2;
  if (told < small.files) throw new Error(`PROPFIND told ${told} resources`);
  return performance.now() - begun;
}

async function folderOf({ url, headers }: Server, name: string): Promise<Server> {
  const made = await fetch(`${url}/${name}/`, { method: "MKCOL", headers });
  if (!made.ok) throw new Error(`MKCOL was answered ${made.status}`);
  const folder = { url: `${url}/${name}`, headers };
  const body = new Uint8Array(randomBytes(small.bytes));
  await storm((n) => fetch(`${folder.url}/${n}`, { method: "PUT", headers, body }));
  return folder;
}

type Rates = { readonly up: number; readonly down: number; readonly files: number };

const atLeast = (
  what: string,
  unit: string,
  own: readonly number[],
  { peer, bar }: { readonly peer: readonly number[]; readonly bar: number },
): Figure => {
  const ratio = median(own) / median(peer);
  const beside = peer.length === 0 ? "nginx is not installed" : `${ratio.toFixed(2)} × nginx`;
  const measuredAs = `${spread(own, 0)} ${unit}, ${beside}`;
  return { what, measured: measuredAs, bar: `≥ ${bar} ×`, kept: peer.length === 0 || ratio >= bar };
};

async function listing(own: Server, peer: Server | undefined): Promise<Figure> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let n = 0; n < listings; n += 1) {
    ours.push(await listed(own));
    if (peer) theirs.push(await listed(peer));
  }
  const ratio = median(ours) / median(theirs);
  const beside = peer ? `${ratio.toFixed(2)} × nginx` : "nginx has no PROPFIND here";
  return {
    what: `PROPFIND of ${small.files} files`,
    measured: `${spread(ours, 0)} ms, ${beside}`,
    bar: "≤ 2 ×",
    kept: !peer || ratio <= 2,
  };
}

export async function webdavFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  await using server = await startServer(["src/cli.ts", "start"], {
    ...unlimited,
    BASALT_DATA_DIR: path.join(folder.path, "data"),
  });
  const { headers } = await signIn(server);
  await openSpace({ url: server.url, headers });
  const own = { url: `${server.url}/dav/Bench`, headers };
  await using dav = await nginx(path.join(folder.path, "nginx"));
  const peer = dav && { url: dav.url, headers: {} };
  const [ours, theirs]: [Rates[], Rates[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await measured(own, folder.path, round));
    if (peer) theirs.push(await measured(peer, folder.path, round));
  }
  const lists = dav?.knowsPropfind === true && peer ? await folderOf(peer, "many") : undefined;
  const rates = (some: readonly Rates[], kind: keyof Rates) => some.map((one) => one[kind]);
  const figure = (what: string, unit: string, kind: keyof Rates, bar: number) =>
    atLeast(what, unit, rates(ours, kind), { peer: rates(theirs, kind), bar });
  return [
    figure(`upload of ${mebibytes} MiB, flushed,`, "MiB/s", "up", 0.45),
    figure(`download of ${mebibytes} MiB`, "MiB/s", "down", 0.6),
    figure(
      `${small.files} files of ${small.bytes} bytes, ${small.atOnce} at once, flushed,`,
      "/s",
      "files",
      0.5,
    ),
    await listing(await folderOf(own, "many"), lists),
  ];
}
