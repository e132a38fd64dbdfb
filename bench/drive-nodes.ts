// A space of ten million files, which are rows alone, beside one of a hundred thousand.
import path from "node:path";
import pg from "pg";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { openSpace, send, type Drive } from "./drive.ts";
import { signIn, unlimited } from "./http.ts";
import { percentile, scratchFolder, startServer, type Figure } from "./measure.ts";

const [few, many] = [100_000, 10_000_000];
/** Files of one folder, those that are made at once, and those of a page. */
const [perFolder, atOnce, page] = [100_000, 1_000_000, 1_000];
const [depth, siblings, changes] = [8, 20, 300];
const asked = 300;
const most = 1.5;

/** Files from one number up to another one, in folders of so many. */
const fill = `insert into drive.nodes (id, space_id, parent_id, name, name_key, kind, revision, size, hash, media_type, modified_at, created_at,
                         changed_at, version)
   select 'node_' || lpad(n::text, 26, '0'), $1, 'node_1' || lpad((n / $4)::text, 25, '0'), 'photo ' || n || '.jpg',
          'photo ' || lpad(n::text, 9, '0') || '.jpg', 'file', 1, 0, md5(n::text) || md5(n::text), 'image/jpeg', now(), now(), now(), 1
     from generate_series($2::int, $3::int - 1) n`;
const folders = `insert into drive.nodes (id, space_id, parent_id, name, name_key, kind, created_at, changed_at, version)
   select 'node_1' || lpad(n::text, 25, '0'), $1, $2, 'folder ' || n, 'folder ' || n, 'folder', now(), now(), 1
     from generate_series(0, $3::int - 1) n`;

/** A table is filled faster without its indexes, and they are made anew. */
async function filled(client: pg.Client, work: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ readonly name: string; readonly definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
      where schemaname = 'drive' and tablename = 'nodes' and indexname <> 'nodes_pkey'`,
  );
  await client.query("set maintenance_work_mem = '1GB'");
  for (const { name } of rows) await client.query(`drop index drive."${name}"`);
  await work();
  for (const { definition } of rows) await client.query(definition);
  await client.query("vacuum analyze drive.nodes");
}

async function medianOf(work: (n: number) => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let n = 0; n < asked; n += 1) {
    const begun = performance.now();
    await work(n);
    all.push(performance.now() - begun);
  }
  return percentile(all, 0.5);
}

/** Folders in one another, each among others; and changes to tell. */
async function furnish(drive: Drive) {
  let [parent, way] = [drive.rootId, ""];
  const folder = async (parentId: string, name: string) =>
    String((await send(drive, "POST", `/drive/nodes/${parentId}/folders`, { name }))["id"]);
  for (let level = 1; level <= depth; level += 1) {
    for (let n = 0; n < siblings; n += 1) await folder(parent, `beside ${n}`);
    parent = await folder(parent, `level ${level}`);
    way += `/level ${level}`;
  }
  const feed = `/drive/spaces/${drive.spaceId}/changes`;
  const cursor = String((await send(drive, "GET", feed))["nextCursor"]);
  for (let n = 0; n < changes; n += 1) await folder(parent, `change ${n}`);
  return {
    list: (first: number) =>
      send(
        drive,
        "GET",
        `/drive/nodes/node_1${"0".repeat(25)}/children?limit=${page}&cursor=${encodeURIComponent(`photo ${String(first).padStart(9, "0")}.jpg`)}`,
      ),
    find: () =>
      send(drive, "GET", `/drive/spaces/${drive.spaceId}/paths?path=${encodeURIComponent(way)}`),
    feed: () => send(drive, "GET", `${feed}?cursor=${encodeURIComponent(cursor)}&limit=200`),
  };
}

export async function nodeFigures(): Promise<readonly Figure[]> {
  await using scratch = await scratchFolder();
  const data = path.join(scratch.path, "data");
  await using server = await startServer(["src/cli.ts", "start"], {
    ...unlimited,
    BASALT_DATA_DIR: data,
  });
  const { headers } = await signIn(server);
  const drive = await openSpace({ url: server.url, headers });
  const { list, find, feed } = await furnish(drive);
  const client = new pg.Client(EmbeddedPostgres.running(data));
  await client.connect();
  const measured = async () => ({
    list: await medianOf((n) => list((n * 311) % (perFolder - page))),
    find: await medianOf(find),
    feed: await medianOf(feed),
  });
  const grow = (from: number, until: number) =>
    filled(client, async () => {
      for (let at = from; at < until; at += atOnce)
        await client.query(fill, [drive.spaceId, at, Math.min(at + atOnce, until), perFolder]);
    });
  await client.query(folders, [drive.spaceId, drive.rootId, many / perFolder]);
  await grow(0, few);
  await measured(); // what is measured next is warm
  const before = await measured();
  await grow(few, many);
  await measured();
  const after = await measured();
  await client.end();
  const figure = (what: string, key: keyof typeof before): Figure => {
    const ratio = after[key] / before[key];
    return {
      what: `${what} among 10^7 nodes, against 10^5`,
      measured: `${ratio.toFixed(2)} × (median ${after[key].toFixed(1)} ms, ${before[key].toFixed(1)} ms)`,
      bar: `≤ ${most} ×`,
      kept: ratio <= most,
    };
  };
  return [
    figure(`page of ${page} children`, "list"),
    figure(`path of ${depth} folders`, "find"),
    figure("page of 200 changes", "feed"),
  ];
}
