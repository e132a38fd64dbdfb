import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cp, symlink, utimes, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { post } from "#test/http.ts";
import { areSame, openSyncing, type Syncing } from "#test/sync-machines.ts";
import type { Server } from "../../src/contexts/drive/client/server.ts";
import { syncFolder } from "../../src/contexts/drive/client/sync.ts";
import { systemClock as clock } from "../../src/platform/system.ts";

const mebibyte = 2 ** 20;

describe("what goes wrong while two machines sync a folder", () => {
  let syncing: Syncing;
  before(async () => {
    syncing = await openSyncing();
  });
  after(() => syncing[Symbol.asyncDispose]());

  test("what the server cannot keep is told, and holds up nothing else", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
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

  test("a state that was lost is found again without conflicts", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
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
    await using house = await syncing.two();
    const { here, there } = house;
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
    await using house = await syncing.two();
    const { here, there, both } = house;
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
    await using house = await syncing.two();
    const { here, there, both } = house;
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
    await using house = await syncing.two();
    const { here, there } = house;
    await here.write("d/one.txt", "one");
    await here.sync();
    await symlink("/nowhere", there.at("d"));
    const { conflicts } = await there.sync();
    assert.equal(conflicts.length, 1);
    assert.equal(await there.text("d/one.txt"), "one");
    assert.deepEqual((await here.sync()).deleted, []);
  });

  test("a file that took the place of another one, of its size and time, is sent", async () => {
    await using house = await syncing.two();
    const { here } = house;
    await here.write("one.txt", "AAAAA");
    await utimes(here.at("one.txt"), new Date(0), new Date(0));
    await here.sync();
    await here.write("two.txt", "BBBBB");
    await utimes(here.at("two.txt"), new Date(0), new Date(0));
    await here.move("two.txt", "one.txt");
    assert.deepEqual((await here.sync()).sent, ["one.txt"]);
  });

  test("a folder that is deleted takes along nothing that somebody has put into it meanwhile", async () => {
    await using house = await syncing.two();
    const { here, there, paired } = house;
    await here.write("d/e/one.txt", "one");
    await here.sync();
    await there.sync();
    await there.write("d/e/new.txt", "new");
    await there.write("d/e/one.txt", "one, edited there");
    await here.remove("d");
    const open: Server["open"] = async (method, to, request) => {
      if (method === "DELETE") await there.sync();
      return syncing.server.open(method, to, request);
    };
    await syncFolder({
      server: { ...syncing.server, open },
      root: here.root,
      pairing: paired,
      clock,
    });
    await there.sync();
    await here.sync();
    await areSame(here, there);
    assert.equal(await there.text("d/e/new.txt"), "new");
    assert.equal(await here.text("d/e/one.txt"), "one, edited there");
  });

  test("paths and names that this machine cannot have are told, and hold up nothing else", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    const long = "n".repeat(250);
    let nodeId = there.pairing.folderId as string;
    for (let depth = 0; depth < 20; depth += 1) {
      const { body } = await post(syncing.at, `/drive/nodes/${nodeId}/folders`, { name: long });
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
    await using house = await syncing.two();
    const { here } = house;
    await here.write("one.txt", "one");
    // Either may be the first.
    const both = await Promise.allSettled([here.sync(), here.sync()]);
    const sent = both.flatMap((one) => (one.status === "fulfilled" ? [one.value.sent] : []));
    const refused = both.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
    assert.deepEqual(sent, [["one.txt"]]);
    assert.match(refused.join(), /another sync of .* goes on/);
    await writeFile(here.at(".basalt/lock"), "999999999");
    assert.deepEqual((await here.sync()).sent, [], "a process that is gone holds nothing");
  });

  test("a server that sends no bytes, or too many, ends a download", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    await here.write("one.txt", "one");
    await here.sync();
    for (const lie of ["", "far more than there is"]) {
      const open: Server["open"] = async (method, to, request) => {
        const answer = await syncing.server.open(method, to, request);
        if (!to.endsWith("/content")) return answer;
        const { status, headers } = answer;
        return new Response(lie, { status, headers });
      };
      const lying = { ...syncing.server, open };
      const { root, pairing: paired } = there;
      const { skipped } = await syncFolder({ server: lying, root, pairing: paired, clock });
      assert.ok(skipped.has("one.txt"), lie);
    }
    await there.sync();
    await areSame(here, there);
  });
});
