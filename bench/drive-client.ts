// What the client of the drive moves over the wire, counted by a proxy between it and the server.
import { once } from "node:events";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type AddressInfo } from "node:net";
import path from "node:path";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "#platform/system.ts";
import { makeFolder, type FoundSpace } from "../src/contexts/drive/client/places.ts";
import { connect } from "../src/contexts/drive/client/server.ts";
import { syncFolder } from "../src/contexts/drive/client/sync.ts";
import type { Pairing } from "../src/contexts/drive/client/sync-state.ts";
import type { Figure } from "./measure.ts";

const mebibytes = 64;
const editAt = 30_000_000;
const kilobyte = 1_000;

/** Passes bytes on to a server, and counts those of both ways. */
async function countingProxy(to: string) {
  const { hostname, port } = new URL(to);
  let bytes = 0;
  const proxy = createServer((client) => {
    const server = createConnection(Number(port), hostname);
    for (const [from, into] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on("data", (piece) => (bytes += piece.length));
      from.on("error", () => into.destroy());
      from.pipe(into);
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    /** Bytes since it was asked last. */
    counted() {
      const some = bytes;
      bytes = 0;
      return some;
    },
    [Symbol.dispose]: () => void proxy.close(),
  };
}

type At = {
  readonly url: string;
  readonly credential: string;
  readonly spaceId: string;
  readonly rootId: string;
};

/** An edit of a large file on one machine, and the sync of another one. */
export async function clientFigures(at: At, folder: string): Promise<readonly Figure[]> {
  using proxy = await countingProxy(at.url);
  const server = connect({ url: proxy.url, credential: at.credential, timers, newId });
  const folderId = await makeFolder(
    server,
    { id: at.spaceId, rootId: at.rootId, name: "" } as FoundSpace,
    "/synced",
  );
  const pairing = { url: at.url, spaceId: at.spaceId, folderId } as Pairing;
  const [here, there] = [path.join(folder, "here"), path.join(folder, "there")];
  const roots = [here, there];
  for (const root of roots) mkdirSync(root);
  const file = (root: string) => path.join(root, "large.bin");
  const hash = (root: string) =>
    createHash("sha256")
      .update(readFileSync(file(root)))
      .digest("hex");
  const write = (content: Buffer) => writeFileSync(file(here), content);
  const synced = async () => {
    const moved: number[] = [];
    for (const root of roots) {
      proxy.counted();
      await syncFolder({ server, root, pairing, clock });
      moved.push(proxy.counted());
    }
    if (hash(here) !== hash(there)) throw new Error("the machines differ");
    return moved;
  };
  const figure = (what: string, moved: readonly number[], bar: number): Figure => ({
    what: `${what}, bytes both ways`,
    measured:
      moved.map((bytes) => `${(bytes / kilobyte).toFixed(0)} kB`).join(" up, ") +
      (moved.length > 1 ? " down" : ""),
    bar: `≤ ${bar} kB`,
    kept: moved.every((bytes) => bytes <= bar * kilobyte),
  });

  const bytes = randomBytes(mebibytes * 2 ** 20);
  write(bytes);
  await synced();
  bytes.writeUInt8(bytes.readUInt8(editAt) ^ 1, editAt);
  write(bytes);
  const edit = figure(`edit of one byte of ${mebibytes} MiB`, await synced(), 128);
  const inserted = [bytes.subarray(0, editAt), randomBytes(1_024), bytes.subarray(editAt)];
  write(Buffer.concat(inserted));
  const insert = figure(`1 KiB put into ${mebibytes} MiB`, await synced(), 192);
  writeFileSync(path.join(here, "again.bin"), Buffer.concat(inserted));
  proxy.counted();
  await syncFolder({ server, root: here, pairing, clock });
  return [edit, insert, figure("the same file put again", [proxy.counted()], 40)];
}
