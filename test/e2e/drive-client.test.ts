import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  cp,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
  symlink,
} from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { scratch, serve, signUp, type Served, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get, post } from "#test/http.ts";
import { connect, type Server } from "../../src/contexts/drive/client/server.ts";
import { syncFolder } from "../../src/contexts/drive/client/sync.ts";
import type { Pairing } from "../../src/contexts/drive/client/sync-state.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "../../src/platform/system.ts";

const mebibyte = 2 ** 20;

/** A folder on one machine, which is synced with one of the server. */
async function machine(server: Server, pairing: Pairing) {
  const folder = await scratch();
  const root = folder.path;
  const at = (file: string) => path.join(root, file);
  return {
    root,
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
type Machine = Awaited<ReturnType<typeof machine>>;

/** Counts the bytes of bodies that a server is sent, and those that it sends. */
function counted(server: Server) {
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

const acts = ["write", "write", "move", "remove", "sync"] as const;
type Act = {
  readonly what: (typeof acts)[number];
  readonly name: string;
  readonly to: string;
  readonly text: string;
  /** Texts that nobody has deleted or replaced knowingly. */
  readonly written: Set<string>;
};

async function textsOf({ root }: Machine, below = ""): Promise<ReadonlySet<string>> {
  const all = await readdir(path.join(root, below), { recursive: true, withFileTypes: true });
  const files = all.filter((one) => one.isFile() && !one.parentPath.includes(".basalt"));
  const texts = files.map((one) => readFile(path.join(one.parentPath, one.name), "utf8"));
  return new Set(await Promise.all(texts));
}

/** What a person does with files, where the machine lets them. */
async function perform(on: Machine, { what, name, to, text, written }: Act): Promise<void> {
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

describe("two machines that sync a folder", () => {
  let served: Served;
  let ada: SignedIn;
  let server: Server;
  before(async () => {
    served = await serve();
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const credential = ada.headers.authorization.replace("Bearer ", "");
    server = connect({ url: served.url, credential, timers, newId });
  });
  after(() => served[Symbol.asyncDispose]());

  let folders = 0;
  /** Another folder of the space of all tests. */
  async function pairing(): Promise<Pairing> {
    const at = { url: served.url, headers: ada.headers };
    const { body: spaces } = await get(at, "/drive/spaces");
    const [found] = (spaces["items"] ?? []) as readonly Record<string, unknown>[];
    const space = found ?? (await post(at, "/drive/spaces", { name: "My files" })).body;
    folders += 1;
    const path = `/drive/nodes/${String(space["rootId"])}/folders`;
    const { body: folder } = await post(at, path, { name: `folder ${folders}` });
    const made = { spaceId: String(space["id"]), folderId: String(folder["id"]) };
    return { url: served.url, ...made } as unknown as Pairing;
  }
  async function two() {
    const paired = await pairing();
    const [here, there] = [await machine(server, paired), await machine(server, paired)];
    const both = async () => {
      await here.sync();
      await there.sync();
      await here.sync();
    };
    return { here, there, both, paired };
  }
  async function areSame(one: Machine, other: Machine) {
    const tree = await one.tree();
    assert.deepEqual(await other.tree(), tree);
    for (const file of tree)
      if ((await stat(one.at(file))).isFile())
        assert.ok((await one.read(file)).equals(await other.read(file)), file);
  }

  test("files and folders come to the other machine, small ones and large ones", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("notes.txt", "one");
    await here.write("empty", "");
    await here.write("photos/2026/large.bin", randomBytes(3 * mebibyte));
    await mkdir(here.at("nothing in it"));
    const sent = await here.sync();
    assert.equal(sent.skipped.size, 0);
    assert.deepEqual(sent.sent.toSorted(), [
      "empty",
      "notes.txt",
      "nothing in it",
      "photos",
      "photos/2026",
      "photos/2026/large.bin",
    ]);
    await there.sync();
    await areSame(here, there);
    const again = await here.sync();
    assert.deepEqual([again.sent, again.received], [[], []]);
  });

  test("edits, renames, moves and deletions go both ways", async () => {
    const { here, there, both } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("a/one.txt", "one");
    await here.write("a/two.txt", "two");
    await here.write("b/three.txt", "three");
    await here.write("four.txt", "four");
    await both();
    await here.write("a/one.txt", "one, edited here");
    await here.move("a/two.txt", "b/zwei.txt");
    await there.write("four.txt", "four, edited there");
    await there.remove("b/three.txt");
    await both();
    await areSame(here, there);
    assert.deepEqual(await here.tree(), ["a", "a/one.txt", "b", "b/zwei.txt", "four.txt"]);
    assert.equal(await here.text("four.txt"), "four, edited there");
    await here.move("a", "c");
    await there.write("b/deep/er/five.txt", "five");
    await there.move("b", "d");
    await both();
    await areSame(here, there);
    assert.deepEqual(await here.tree(), [
      "c",
      "c/one.txt",
      "d",
      "d/deep",
      "d/deep/er",
      "d/deep/er/five.txt",
      "d/zwei.txt",
      "four.txt",
    ]);
    await there.remove("d");
    await here.move("c/one.txt", "four.tmp");
    await here.move("four.txt", "c/one.txt");
    await here.move("four.tmp", "four.txt");
    await both();
    await areSame(here, there);
    assert.equal(await there.text("four.txt"), "one, edited here");
    assert.equal(await there.text("c/one.txt"), "four, edited there");
  });

  test("names change hands", async () => {
    const { here, there, both } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("a", "was a");
    await here.write("b", "was b");
    await both();
    await here.move("a", "x");
    await here.move("b", "a");
    await here.move("x", "b");
    await both();
    await areSame(here, there);
    assert.deepEqual([await there.text("a"), await there.text("b")], ["was b", "was a"]);
    assert.deepEqual(await there.tree(), ["a", "b"]);
  });

  test("no edit is lost: a file that was changed on both is kept twice, and an edit outlives a deletion", async () => {
    const { here, there, both } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("both.txt", "zero");
    await here.write("same.txt", "zero");
    await here.write("gone.txt", "zero");
    await here.write("folder/inner.txt", "zero");
    await both();
    await here.write("both.txt", "edited here");
    await there.write("both.txt", "edited there too");
    await here.write("same.txt", "the same edit");
    await there.write("same.txt", "the same edit");
    await here.remove("gone.txt");
    await there.write("gone.txt", "edited, not gone");
    await here.remove("folder");
    await there.write("folder/new.txt", "new");
    await here.write("new.txt", "new here");
    await there.write("new.txt", "new there, and longer");
    await here.sync();
    const { conflicts } = await there.sync();
    await here.sync();
    await there.sync();
    await areSame(here, there);
    assert.equal(conflicts.length, 2);
    const tree = await here.tree();
    const texts = await Promise.all(
      tree.filter((one) => one.endsWith(".txt")).map((one) => here.text(one)),
    );
    assert.deepEqual(texts.toSorted(), [
      "edited here",
      "edited there too",
      "edited, not gone",
      "new",
      "new here",
      "new there, and longer",
      "the same edit",
    ]);
    assert.ok(
      tree.some((one) => /^both \(conflicted copy .*\)\.txt$/.test(one)),
      tree.join(),
    );
  });

  test("an edit of one byte moves little, and the same file again next to nothing", async () => {
    const { here, there, paired } = await two();
    await using _here = here;
    await using _there = there;
    const bytes = randomBytes(16 * mebibyte);
    await here.write("large.bin", bytes);
    await here.sync();
    await there.sync();
    bytes.writeUInt8(bytes.readUInt8(5 * mebibyte) ^ 1, 5 * mebibyte);
    await here.write("large.bin", bytes);
    const [up, down] = [counted(server), counted(server)];
    const syncOn = (by: Server, { root }: Machine) =>
      syncFolder({ server: by, root, pairing: paired, clock });
    await syncOn(up.server, here);
    await syncOn(down.server, there);
    await areSame(here, there);
    const most = 2 * 262_144 + 16_384;
    assert.ok(up.moved.sent < most, `sent ${up.moved.sent} bytes`);
    assert.ok(down.moved.received < most, `received ${down.moved.received} bytes`);
    const same = counted(server);
    await here.write("copy.bin", bytes);
    await syncOn(same.server, here);
    assert.ok(same.moved.sent < 4_096, `sent ${same.moved.sent} bytes`);
    const idle = counted(server);
    await syncOn(idle.server, here);
    assert.equal(idle.moved.requests, 1, "a sync without changes is one request");
  });

  test("what the server cannot keep is told, and holds up nothing else", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("good.txt", "good");
    await here.write("ends with a dot.", "bad");
    await here.write("nul.txt", "bad");
    await here.write("Twin.txt", "one");
    await here.write("twin.txt", "another one");
    await here.write("bad./inner.txt", "below");
    const { skipped } = await here.sync();
    assert.equal(skipped.size, 4, [...skipped].join("; "));
    assert.ok(skipped.has("ends with a dot.") && skipped.has("nul.txt") && skipped.has("bad."));
    await there.sync();
    const tree = await there.tree();
    assert.ok(tree.includes("good.txt"));
    assert.equal(tree.length, 2, tree.join());
  });

  test("whatever two machines do, they become the same, and no text that somebody wrote is lost", async () => {
    const names = ["a", "b", "c", "d/a", "d/b", "e", "e/f/a"];
    const name = fc.constantFrom(...names);
    const act = fc.record({ by: fc.boolean(), name, to: name, what: fc.constantFrom(...acts) });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 24 }), async (done) => {
        const { here, there } = await two();
        await using _here = here;
        await using _there = there;
        const written = new Set<string>();
        for (const [i, { by, ...one }] of done.entries())
          await perform(by ? here : there, { ...one, text: `text ${i}`, written });
        for (let i = 0; i < 4; i += 1) for (const one of [here, there]) await one.sync();
        await areSame(here, there);
        const left = await textsOf(here);
        for (const text of written) assert.ok(left.has(text), `${text} is lost`);
        const { sent, received } = await here.sync();
        assert.deepEqual([sent, received], [[], []]);
      }),
      { numRuns: 25, endOnFailure: false },
    );
  });

  test("a state that was lost is found again without conflicts", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("a/one.txt", "one");
    await here.write("large.bin", randomBytes(mebibyte));
    await here.sync();
    await here.remove(".basalt");
    const { conflicts, sent, received } = await here.sync();
    assert.deepEqual([conflicts, sent, received], [[], [], []]);
    await there.sync();
    await areSame(here, there);
  });

  test("what the client keeps of one folder is not taken for that of a copy of it, nor synced", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("one.txt", "one");
    await here.write("two.txt", "two");
    await here.write("inner/.basalt/state.json", "of another folder");
    await here.sync();
    await cp(here.at(".basalt"), there.at(".basalt"), { recursive: true });
    await there.write("one.txt", "one");
    const { deleted, received } = await there.sync();
    assert.deepEqual([deleted, received.toSorted()], [[], ["inner", "two.txt"]]);
    assert.deepEqual(await there.tree(), ["inner", "one.txt", "two.txt"]);
  });

  test("what lay in the way of a move that broke off comes back, with what was not sent yet", async () => {
    const { here, there, both } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("d/one.txt", "one");
    await both();
    const { entries } = JSON.parse(await here.text(".basalt/state.json")) as {
      readonly entries: readonly { readonly id: string; readonly path: string }[];
    };
    const { id = "" } = entries.find(({ path: at }) => at === "d") ?? {};
    await here.write("d/unsent.txt", "unsent");
    await here.move("d", `.basalt/moving/${id}`);
    await both();
    await areSame(here, there);
    assert.equal(await there.text("d/unsent.txt"), "unsent");
  });

  test("a server that lost its latest state takes nothing from those who have it", async () => {
    const { here, there, both } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("old.txt", "one");
    await both();
    const state = JSON.parse(await here.text(".basalt/state.json")) as { cursor: string };
    const lost = state.cursor.replace(/^\d+/, "999999999");
    // As after a restore: the cursor is unknown, and the noted file of a later state is not there.
    await here.write(".basalt/state.json", JSON.stringify({ ...state, cursor: lost }));
    await there.remove("old.txt");
    await there.sync();
    const { deleted } = await here.sync();
    assert.deepEqual(deleted, []);
    assert.equal(await here.text("old.txt"), "one");
  });

  test("a link with the name of a folder of the server is set beside it", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("d/one.txt", "one");
    await here.sync();
    await symlink("/nowhere", there.at("d"));
    const { conflicts } = await there.sync();
    assert.equal(conflicts.length, 1);
    assert.equal(await there.text("d/one.txt"), "one");
    assert.deepEqual((await here.sync()).deleted, []);
  });

  test("a file that took the place of another one, of its size and time, is sent", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("one.txt", "AAAAA");
    await utimes(here.at("one.txt"), new Date(0), new Date(0));
    await here.sync();
    await here.write("two.txt", "BBBBB");
    await utimes(here.at("two.txt"), new Date(0), new Date(0));
    await here.move("two.txt", "one.txt");
    assert.deepEqual((await here.sync()).sent, ["one.txt"]);
  });

  test("a file that only got another time is not sent", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("one.txt", "one");
    await here.sync();
    await utimes(here.at("one.txt"), new Date(), new Date(0));
    assert.deepEqual((await here.sync()).sent, []);
    await there.sync();
    await areSame(here, there);
  });
});
