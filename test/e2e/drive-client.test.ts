import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cp, mkdir, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { serve, signUp, type Served, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get, post } from "#test/http.ts";
import { acts, counted, machine, perform, textsOf, type Machine } from "#test/sync-machines.ts";
import { connect, type Server } from "../../src/contexts/drive/client/server.ts";
import { syncFolder } from "../../src/contexts/drive/client/sync.ts";
import type { Pairing } from "../../src/contexts/drive/client/sync-state.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "../../src/platform/system.ts";

const mebibyte = 2 ** 20;

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

  test("a folder that is deleted takes along nothing that somebody has put into it meanwhile", async () => {
    const paired = await pairing();
    await using here = await machine(server, paired);
    await using there = await machine(server, paired);
    await here.write("d/e/one.txt", "one");
    await here.sync();
    await there.sync();
    await there.write("d/e/new.txt", "new");
    await there.write("d/e/one.txt", "one, edited there");
    await here.remove("d");
    const open: Server["open"] = async (method, to, request) => {
      if (method === "DELETE") await there.sync();
      return server.open(method, to, request);
    };
    await syncFolder({ server: { ...server, open }, root: here.root, pairing: paired, clock });
    await there.sync();
    await here.sync();
    await areSame(here, there);
    assert.equal(await there.text("d/e/new.txt"), "new");
    assert.equal(await here.text("d/e/one.txt"), "one, edited there");
  });

  test("a file that becomes a folder, and a folder that becomes a file, keep their names", async () => {
    const { here, there, both } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("a", "file");
    await here.write("b/inner.txt", "inner");
    await both();
    await here.remove("a");
    await here.write("a/inner.txt", "inner of a");
    await here.remove("b");
    await here.write("b", "file now");
    await both();
    await areSame(here, there);
    assert.deepEqual(await there.tree(), ["a", "a/inner.txt", "b"]);
  });

  test("paths and names that this machine cannot have are told, and hold up nothing else", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    const long = "n".repeat(250);
    let nodeId = there.pairing.folderId as string;
    for (let depth = 0; depth < 20; depth += 1) {
      const at = { url: served.url, headers: ada.headers };
      const { body } = await post(at, `/drive/nodes/${nodeId}/folders`, { name: long });
      nodeId = String(body["id"]);
    }
    await here.write("good.txt", "good");
    await writeFile(Buffer.concat([Buffer.from(`${here.root}/bad`), Buffer.from([0xe9])]), "bad");
    const { skipped, sent } = await here.sync();
    assert.deepEqual(sent, ["good.txt"]);
    const told = [...skipped.values()].join("; ");
    assert.match(told, /ENAMETOOLONG/);
    assert.match(told, /not in UTF-8/);
  });

  test("two syncs of one folder do not disturb each other", async () => {
    const { here } = await two();
    await using _here = here;
    await here.write("one.txt", "one");
    const first = here.sync();
    await assert.rejects(() => here.sync(), /another sync of .* goes on/);
    assert.deepEqual((await first).sent, ["one.txt"]);
    await writeFile(here.at(".basalt/lock"), "999999999");
    assert.deepEqual((await here.sync()).sent, [], "a process that is gone holds nothing");
  });

  test("a server that sends no bytes, or too many, ends a download", async () => {
    const { here, there } = await two();
    await using _here = here;
    await using _there = there;
    await here.write("one.txt", "one");
    await here.sync();
    for (const lie of ["", "far more than there is"]) {
      const open: Server["open"] = async (method, to, request) => {
        const answer = await server.open(method, to, request);
        if (!to.endsWith("/content")) return answer;
        const { status, headers } = answer;
        return new Response(lie, { status, headers });
      };
      const lying = { ...server, open };
      const { root, pairing: paired } = there;
      const { skipped } = await syncFolder({ server: lying, root, pairing: paired, clock });
      assert.ok(skipped.has("one.txt"), lie);
    }
    await there.sync();
    await areSame(here, there);
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
