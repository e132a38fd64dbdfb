import assert from "node:assert/strict";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { connect, type Server } from "../../src/contexts/drive/client/server.ts";
import { syncFolder } from "../../src/contexts/drive/client/sync.ts";
import type { Pairing } from "../../src/contexts/drive/client/sync-state.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "../../src/platform/system.ts";
import { scratch, serve, signUp } from "./basalt.ts";
import { verify } from "./emails.ts";
import { get, post } from "./http.ts";

/** A folder on one machine, which is synced with one of the server. */
export async function machine(server: Server, pairing: Pairing) {
  const folder = await scratch();
  const root = folder.path;
  const at = (file: string) => path.join(root, file);
  return {
    root,
    pairing,
    at,
    sync: () => syncFolder({ server, root, pairing, clock }),
    async write(file: string, content: string | Buffer) {
      await mkdir(path.dirname(at(file)), { recursive: true });
      await writeFile(at(file), content);
    },
    read: (file: string) => readFile(at(file)),
    text: (file: string) => readFile(at(file), "utf8"),
    move: (from: string, to: string) => rename(at(from), at(to)),
    remove: (file: string) => rm(at(file), { recursive: true }),
    async tree() {
      const all = await readdir(root, { recursive: true });
      return all.filter((one) => !one.startsWith(".basalt")).toSorted();
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
export type Machine = Awaited<ReturnType<typeof machine>>;

/** Fails unless two machines have the same. */
export async function areSame(one: Machine, other: Machine): Promise<void> {
  const tree = await one.tree();
  assert.deepEqual(await other.tree(), tree);
  for (const file of tree)
    if ((await stat(one.at(file))).isFile())
      assert.ok((await one.read(file)).equals(await other.read(file)), file);
}

/** A Basalt with a user, whose folders machines sync. */
export async function openSyncing() {
  const served = await serve();
  const ada = await signUp(served, "ada@example.com");
  await verify(served, "ada@example.com", ada);
  const credential = ada.headers.authorization.replace("Bearer ", "");
  const server = connect({ url: served.url, credential, timers, newId });
  const at = { url: served.url, headers: ada.headers };
  let folders = 0;

  /** Another folder of the one space. */
  async function pairing(): Promise<Pairing> {
    const { body: spaces } = await get(at, "/drive/spaces");
    const [found] = (spaces["items"] ?? []) as readonly Record<string, unknown>[];
    const space = found ?? (await post(at, "/drive/spaces", { name: "My files" })).body;
    folders += 1;
    const path = `/drive/nodes/${String(space["rootId"])}/folders`;
    const { body: folder } = await post(at, path, { name: `folder ${folders}` });
    const made = { spaceId: String(space["id"]), folderId: String(folder["id"]) };
    return { url: served.url, ...made } as unknown as Pairing;
  }

  /** Two machines that sync another folder. */
  async function two() {
    const paired = await pairing();
    await using undo = new AsyncDisposableStack();
    const here = undo.use(await machine(server, paired));
    const there = undo.use(await machine(server, paired));
    const opened = undo.move();
    return {
      here,
      there,
      paired,
      async both() {
        for (const one of [here, there, here]) await one.sync();
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  }
  return { at, server, two, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}
export type Syncing = Awaited<ReturnType<typeof openSyncing>>;

/** Counts the bytes of bodies that a server is sent, and those that it sends. */
export function counted(server: Server) {
  const moved = { sent: 0, received: 0, requests: 0 };
  const open: Server["open"] = async (method, to, request) => {
    moved.requests += 1;
    const { body, json } = request ?? {};
    moved.sent += body ? Buffer.byteLength(Buffer.from(body.bytes as string)) : 0;
    moved.sent += json ? Buffer.byteLength(JSON.stringify(json)) : 0;
    const answer = await server.open(method, to, request);
    const bytes = Buffer.from(await answer.arrayBuffer());
    moved.received += bytes.length;
    const { status, headers } = answer;
    return new Response([204, 304].includes(status) ? null : bytes, { status, headers });
  };
  const ask: Server["ask"] = async (shape, method, to, request) => {
    const parsed = shape.parse(await (await open(method, to, request)).json());
    if (!parsed.ok) throw new Error("not understood");
    return parsed.value as never;
  };
  return { moved, server: { open, ask } };
}

export const acts = ["write", "write", "move", "remove", "sync"] as const;
type Act = {
  readonly what: (typeof acts)[number];
  readonly name: string;
  readonly to: string;
  readonly text: string;
  /** Texts that nobody has deleted or replaced knowingly. */
  readonly written: Set<string>;
};

export async function textsOf({ root }: Machine, below = ""): Promise<ReadonlySet<string>> {
  const all = await readdir(path.join(root, below), { recursive: true, withFileTypes: true });
  const files = all.filter((one) => one.isFile() && !one.parentPath.includes(".basalt"));
  const texts = files.map((one) => readFile(path.join(one.parentPath, one.name), "utf8"));
  return new Set(await Promise.all(texts));
}

/** What a person does with files, where the machine lets them. */
export async function perform(on: Machine, { what, name, to, text, written }: Act): Promise<void> {
  const kind = async (file: string) => {
    const found = await stat(on.at(file)).catch(() => undefined);
    return found && (found.isDirectory() ? "folder" : "file");
  };
  if (what === "sync") await on.sync();
  else if (what === "write") {
    const blocked = (await kind(name)) === "folder" || (await kind(path.dirname(name))) === "file";
    if (blocked) return;
    if (await kind(name)) written.delete(await on.text(name));
    await on.write(name, text).then(
      () => written.add(text),
      () => {},
    );
  } else if (what === "move") {
    const isFree = (await kind(to)) === undefined && !to.startsWith(`${name}/`);
    if ((await kind(name)) && isFree) await on.move(name, to).catch(() => {});
  } else {
    const found = await kind(name);
    if (found === "file") written.delete(await on.text(name));
    if (found === "folder") for (const one of await textsOf(on, name)) written.delete(one);
    if (found) await on.remove(name);
  }
}
