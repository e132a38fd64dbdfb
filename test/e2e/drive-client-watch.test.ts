import assert from "node:assert/strict";
import { mkdir, rename, stat } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { areSame, openSyncing, type Machine, type Syncing } from "#test/sync-machines.ts";
import { until } from "#test/until.ts";
import { keepSynced } from "../../src/contexts/drive/client/keep-synced.ts";
import {
  ChildrenFacts,
  Refused,
  Unreachable,
  type Server,
} from "../../src/contexts/drive/client/server.ts";
import { systemClock as clock, systemTimers as timers } from "../../src/platform/system.ts";

/** Waits are as short as a test wants. */
const hasty = { ...timers, after: (ms: number, act: () => void) => timers.after(ms / 10, act) };

/** Keeps the folder of a machine synced until the end of a test. */
function kept(server: Server, { root, pairing }: Machine) {
  const stop = new AbortController();
  const told = { reports: 0, skipped: [] as string[], failures: [] as unknown[] };
  const ended = keepSynced({
    server,
    root,
    pairing,
    clock,
    timers: hasty,
    ending: stop.signal,
    onReport(report) {
      told.reports += 1;
      told.skipped.push(...report.skipped.values());
    },
    onFailure: (error) => told.failures.push(error),
  });
  return {
    told,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended.catch(() => {});
    },
  };
}

describe("a folder that is kept synced", () => {
  let syncing: Syncing;
  before(async () => {
    syncing = await openSyncing();
  });
  after(() => syncing[Symbol.asyncDispose]());

  test("what changes on one machine comes to the other one by itself, both ways", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    await using one = kept(syncing.server, here);
    await using other = kept(syncing.server, there);
    await here.write("notes/one.txt", "one");
    await until(async () => (await there.text("notes/one.txt")) === "one");
    await there.write("notes/one.txt", "edited");
    await there.write("deep/er/two.txt", "two");
    await until(async () => (await here.text("notes/one.txt")) === "edited");
    await until(async () => (await here.text("deep/er/two.txt")) === "two");
    await here.remove("notes");
    await mkdir(here.at("empty"));
    await until(async () => (await there.tree()).join() === "deep,deep/er,deep/er/two.txt,empty");
    await areSame(here, there);
    assert.deepEqual([one.told.failures, other.told.failures], [[], []]);
  });

  test("a server that is away is asked again, and what has changed meanwhile is sent", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    let isAway = true;
    const flaky: Server = {
      open: syncing.server.open,
      async ask(...asked) {
        if (isAway) throw new Unreachable("http://away", new Error("refused"));
        return syncing.server.ask(...asked);
      },
    };
    await using one = kept(flaky, here);
    await until(() => one.told.failures.length > 0);
    await here.write("late.txt", "late");
    isAway = false;
    await until(async () => {
      await there.sync();
      return (await there.text("late.txt")) === "late";
    });
    assert.equal(one.told.reports > 0, true);
  });

  test("an edit of both machines at once is kept twice, and nothing waits for long", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    await here.write("both.txt", "first");
    await here.sync();
    await there.sync();
    await using one = kept(syncing.server, here);
    await using other = kept(syncing.server, there);
    await until(() => one.told.reports > 0 && other.told.reports > 0);
    await Promise.all([here.write("both.txt", "of here"), there.write("both.txt", "of there")]);
    await until(async () => {
      const [mine, theirs] = [await here.tree(), await there.tree()];
      return mine.length === 2 && mine.join() === theirs.join();
    });
    await areSame(here, there);
    assert.deepEqual([...one.told.skipped, ...other.told.skipped], []);
  });

  test("a file that is being written is sent once it is quiet, not in pieces", async () => {
    await using house = await syncing.two();
    const { here, there, paired } = house;
    await using one = kept(syncing.server, here);
    await until(() => one.told.reports > 0);
    for (let n = 1; n <= 20; n += 1) {
      await here.write("log", "x".repeat(n * 1_000));
      await sleep(25); // a quarter of the time that it waits for
    }
    await until(async () => {
      await there.sync();
      return (await there.text("log")).length === 20_000;
    });
    const { items } = await syncing.server.ask(
      ChildrenFacts,
      "GET",
      `nodes/${paired.folderId}/children`,
    );
    assert.ok((items[0]?.revision ?? 0) <= 3, `${items[0]?.revision} revisions`);
  });

  test("ends where the folder is gone, on this machine or on the server, and deletes nothing", async () => {
    await using house = await syncing.two();
    const { here, there, paired } = house;
    await here.write("a", "a");
    await here.sync();
    await there.sync();
    await using one = kept(syncing.server, here);
    await until(() => one.told.reports > 0);
    const aside = `${here.root} moved`;
    await rename(here.root, aside);
    await there.write("b", "b");
    await there.sync();
    await assert.rejects(one.ended, /it is synced no more/);
    await assert.rejects(stat(here.root), /ENOENT/, "it is not made again");
    await rename(aside, here.root);
    await using two = kept(syncing.server, there);
    await until(() => two.told.reports > 0);
    await syncing.server.open("DELETE", `nodes/${paired.folderId}`);
    await assert.rejects(two.ended, /is in the trash/);
    assert.deepEqual(await there.tree(), ["a", "b"]);
  });

  test("ends with what the server refuses for good, and at once when it is told to", async () => {
    await using house = await syncing.two();
    const { here } = house;
    const strict: Server = {
      open: syncing.server.open,
      ask: async () => {
        throw new Refused(401, { code: "UNAUTHENTICATED" });
      },
    };
    await using refused = kept(strict, here);
    await assert.rejects(refused.ended, /UNAUTHENTICATED/);
    const quiet = kept(syncing.server, here);
    await until(() => quiet.told.reports > 0);
    await quiet[Symbol.asyncDispose]();
  });
});
