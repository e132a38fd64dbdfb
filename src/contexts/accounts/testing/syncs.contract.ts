import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { deposits, type Activity } from "../infrastructure/stand-ins/alpaca.ts";
import type { Fault } from "../infrastructure/stand-ins/stand-in.ts";
import { ListBalances } from "../application/statements/read-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import { GetSync } from "../application/connections/read-connections.ts";
import { read, type OpenAccounts } from "./fixtures.ts";

import { before, dayMs, openBroker } from "./broker.ts";

/** On every adapter, what a provider has arrives exactly once, whichever fault occurs. */
export function syncsContract(name: string, open: OpenAccounts): void {
  const given = () => openBroker(open);

  describe(`syncs on ${name}`, () => {
    test("a broker is connected, and its account has its lines, its cash and its name", async () => {
      await using broker = await given();
      await broker.told([
        { activity_type: "CSD", net_amount: "500", description: "Wire from my bank" },
        {
          activity_type: "FILL",
          transaction_time: before(broker.now(), 4),
          date: undefined,
          symbol: "AAPL ",
          side: "buy",
          qty: "1.5",
          price: "100.333",
        },
        { activity_type: "DIV", net_amount: "2.41", symbol: "AAPL", qty: "1.5" },
        { activity_type: "JNLS", net_amount: "0", symbol: "AAPL", qty: "3" },
        { activity_type: "NEW-IN-2027", net_amount: "-0.30" },
      ]);
      const { id, status } = expect(await broker.connect());
      assert.equal(status, "active");

      const sync = await broker.synced(id);

      assert.deepEqual([sync.status, sync.fetching.pages, sync.fetching.rows], ["succeeded", 2, 5]);
      const { mirror, lines } = await broker.booked();
      assert.deepEqual(
        [mirror.name, mirror.type, mirror.mask, mirror.posted],
        ["Alpaca brokerage ABCD", "brokerage", "ABCD", 100_000n],
      );
      assert.deepEqual(lines.toSorted(), [
        "-15050 AAPL booked",
        "-30 NEW-IN-2027 booked",
        "241 AAPL booked",
        "50000 Wire from my bank booked",
      ]);
      assert.deepEqual((await broker.got(sync.importId)).tally.ignored, 1);
      const types = (await broker.subject.events()).filter((type) => /sync-|connection/.test(type));
      assert.deepEqual(types, [
        "accounts.connection-activated",
        "accounts.sync-attempted",
        "accounts.sync-fetched",
        "accounts.sync-succeeded",
      ]);
      assert.doesNotMatch(await broker.subject.payloads(), /s3cret/);
    });

    test("all pages are read, and a second sync adds only what is new", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(250, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      const first = await broker.synced(id);
      assert.deepEqual([first.fetching.pages, first.fetching.rows], [4, 250]);

      const late = { ...deposits(1, before(broker.now(), 1), "fee")[0], net_amount: "-0.25" };
      broker.server.activities.push(late as Activity);
      broker.clock.advance(dayMs);
      const second = await broker.again(id);

      assert.deepEqual([second.status, second.fetching.rows], ["succeeded", 1]);
      assert.equal(second.from, Instant.plus(first.until, -7 * dayMs), "windows overlap");
      assert.equal((await broker.booked()).lines.length, 251);
    });

    test("exactly full pages, a row on two pages and one that comes meanwhile lose and double nothing", async () => {
      await using broker = await given();
      const [all, [extra]] = [
        deposits(200, before(broker.now(), 30)),
        deposits(1, before(broker.now(), 2), "meanwhile"),
      ];
      broker.server.activities.push(...all);
      let pages = 0;
      broker.server.hooks.beforePage = () => {
        pages += 1;
        if (pages === 2) broker.server.activities.push(extra as Activity, all[99] as Activity);
      };
      const { id } = expect(await broker.connect());
      const { status } = await broker.synced(id);
      assert.equal(status, "succeeded");
      assert.equal((await broker.booked()).lines.length, 201);
    });

    test("what Alpaca takes back or says otherwise later is a newer observation of the same line", async () => {
      await using broker = await given();
      const fee = { id: "fee", activity_type: "FEE", net_amount: "-1.00", status: "executed" };
      await broker.told([fee, { ...fee, id: "div", activity_type: "DIV", net_amount: "3" }]);
      const { id } = expect(await broker.connect());
      await broker.synced(id);
      const [first, second] = broker.server.activities as [Activity, Activity];
      broker.server.activities.splice(
        0,
        2,
        { ...first, net_amount: "-1.10" },
        { ...second, status: "canceled" },
      );
      broker.clock.advance(1_000);

      const { importId } = await broker.again(id);

      assert.equal((await broker.got(importId)).tally.updated, 2);
      assert.deepEqual((await broker.booked()).lines, ["-110 FEE booked"]);
    });

    test("what is told after the first sync moves the mirror, whatever day it is of", async () => {
      await using broker = await given();
      const { server } = broker;
      const told = (id: string, amount: string, daysAgo: number) =>
        server.activities.push({
          id,
          createdAt: broker.now(),
          activity_type: "CSD",
          net_amount: amount,
          date: before(broker.now(), daysAgo).slice(0, 10),
        });
      told("old", "100", 20);
      const { id } = expect(await broker.connect());
      await broker.synced(id);
      const posted = async () => (await broker.booked()).mirror.posted;
      assert.equal(await posted(), 100_000n);

      broker.clock.advance(1_000);
      told("today", "500", 0);
      server.account["cash"] = "1500.00";
      await broker.again(id);
      assert.equal(await posted(), 150_000n, "a deposit of the day of the first sync");

      broker.clock.advance(dayMs);
      told("late", "-10", 3);
      server.account["cash"] = "1490.00";
      const { importId } = await broker.again(id);
      assert.equal(await posted(), 149_000n, "a fee of a day before it");

      const { mirror } = await broker.booked();
      const balances = await broker.accounts.listBalances(
        read(ListBalances, { accountId: mirror.id }),
        broker.as(broker.adaId),
      );
      for (const { amount, derived } of expect(balances).items) assert.equal(derived, amount.minor);

      const first = (await broker.syncs(id)).at(-1)?.importId ?? "";
      await broker.undo(first);
      assert.equal(
        await posted(),
        149_000n,
        "without the first sync the second one's balance counts",
      );
      const redo = read(ImportStep, { statementImportId: first });
      expect(await broker.accounts.redoImport(redo, broker.as(broker.adaId)));
      await broker.run();
      assert.equal(await posted(), 149_000n, "and so it does when the first one is back");
      await broker.undo(importId);
      assert.equal(await posted(), 150_000n, "what is undone leaves the opening balance alone");
    });

    test("a row of the first sync that is read later was in its balance", async () => {
      await using broker = await given();
      await broker.told([
        { id: "one", activity_type: "CSD", net_amount: "100" },
        { id: "two", activity_type: "FEE", net_amount: "-7" },
      ]);
      const { id } = expect(await broker.connect());
      const { importId } = await broker.synced(id);
      const [first] = broker.server.activities as [Activity];
      broker.server.activities.splice(0, 1, { ...first, net_amount: "101" });
      broker.server.account["cash"] = "1001.00";
      broker.clock.advance(1_000);
      const second = await broker.again(id);
      assert.equal((await broker.booked()).mirror.posted, 100_100n, "a correction moves it too");

      await broker.undo(importId);
      assert.deepEqual(
        [(await broker.booked()).mirror.posted, (await broker.got(second.importId)).status],
        [100_100n, "finished"],
        "without the first sync the second one says what there is",
      );
    });

    test("a balance that moves while activities are fetched is left to the next sync", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(3, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      broker.server.hooks.beforePage = () => {
        broker.server.account["cash"] = "1200.00";
        delete broker.server.hooks.beforePage;
      };
      await broker.synced(id);
      assert.equal((await broker.booked()).mirror.posted, 3n);
      broker.clock.advance(1_000);
      await broker.again(id);
      assert.equal((await broker.booked()).mirror.posted, 120_000n);
    });

    test("cash beyond all money is unreadable, and holds nobody up", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      broker.server.account["cash"] = "99999999999999999999";
      const sync = await broker.synced(id);
      assert.deepEqual([sync.status, "reason" in sync && sync.reason], ["failed", "unreadable"]);
    });

    test("rows that cannot be read wait in quarantine, and the sync says so", async () => {
      await using broker = await given();
      await broker.told([
        { activity_type: "CSD", net_amount: "ten" },
        { activity_type: "FILL", transaction_time: before(broker.now(), 4), side: "buy", qty: "1" },
        { activity_type: "CSD", net_amount: "10", date: "yesterday" },
        { activity_type: "CSD", net_amount: "10" },
      ]);
      const { id } = expect(await broker.connect());
      const { status, importId } = await broker.synced(id);
      assert.equal(status, "partially-succeeded");
      const { created, quarantined } = (await broker.got(importId)).tally;
      assert.deepEqual([created, quarantined], [1, 3]);
    });

    test("a row whose direction or id is not certain waits in quarantine, and moves nothing", async () => {
      await using broker = await given();
      const fill = { activity_type: "FILL", price: "10", qty: "2", symbol: "AAPL" };
      await broker.told([
        fill,
        { ...fill, side: "constructor" },
        { ...fill, side: "buy", qty: "-2" },
        { ...fill, side: "buy", price: "-10" },
        { activity_type: "FEE", net_amount: "-7", status: "canceled", id: undefined },
        { activity_type: "CSD", net_amount: "1", id: `${"x".repeat(255)}1` },
        { activity_type: "CSD", net_amount: "2", id: `${"x".repeat(255)}2` },
        { ...fill, side: "sell_short" },
      ]);
      const { id } = expect(await broker.connect());
      const { importId } = await broker.synced(id);
      const { created, quarantined } = (await broker.got(importId)).tally;
      assert.deepEqual([created, quarantined], [1, 7]);
      assert.deepEqual((await broker.booked()).lines, ["2000 AAPL booked"]);
    });

    test("texts that no database keeps, ids without end and fields without number are kept as far as they can be", async () => {
      await using broker = await given();
      const odd = { activity_type: "CSD", net_amount: "1" };
      await broker.told([
        { ...odd, description: "a\0b\ud800c" },
        { ...odd, id: "x".repeat(5_000), description: "y".repeat(100_000) },
        { ...odd, id: "\0", description: "\0" },
        Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}\0`, i])),
        JSON.parse('{"__proto__":{"net_amount":"5"},"activity_type":"CSD"}') as object,
      ]);
      const { id } = expect(await broker.connect());
      const { status, importId } = await broker.synced(id);
      assert.equal(status, "partially-succeeded");
      const { created, quarantined } = (await broker.got(importId)).tally;
      assert.deepEqual([created, quarantined], [1, 4]);
      assert.deepEqual((await broker.booked()).lines.includes("100 ab\ufffdc booked"), true);
    });

    /** Stands for the date of the test's clock, half a minute later. */
    const inAWhile = "in a while";
    const passing: Readonly<Record<string, readonly Fault[]>> = {
      "5xx in a row": [502, 503, 500].map((status) => ({ kind: "status", status })),
      "429 with seconds": [{ kind: "status", status: 429, retryAfter: "40" }],
      "429 with a date": [
        {
          kind: "status",
          status: 429,
          retryAfter: inAWhile,
        },
      ],
      "a body that is cut": [{ kind: "cut" }, { kind: "cut" }],
      HTML: [{ kind: "text", text: "<html>Down for maintenance</html>" }],
      "an empty answer": [{ kind: "text", text: "" }],
      "an object in place of a list": [{ kind: "text", text: "{}" }],
    };
    for (const [what, faults] of Object.entries(passing))
      test(`${what}: the sync waits, and then goes on where it was`, async () => {
        await using broker = await given();
        broker.server.activities.push(...deposits(150, before(broker.now(), 30)));
        const { id } = expect(await broker.connect());
        let pages = 0;
        broker.server.hooks.beforePage = () => {
          pages += 1;
          if (pages !== 1) return;
          const date = new Date(broker.clock.unixMs() + 30_000).toUTCString();
          for (const fault of faults)
            broker.server.faults.push(
              fault.kind === "status" && fault.retryAfter === inAWhile
                ? { ...fault, retryAfter: date }
                : fault,
            );
        };
        await broker.tick();
        const [waiting] = await broker.syncs(id);
        assert.equal(waiting?.status, "fetching");
        assert.ok(waiting.fetching.waitsFor);
        assert.ok(waiting.fetching.nextTryAt > broker.now());

        const ended = await broker.synced(id);

        assert.deepEqual([ended.status, ended.fetching.rows], ["succeeded", 150]);
        assert.equal((await broker.booked()).lines.length, 150);
      });

    test("a request for a sync that pauses after a failure makes it try at once", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      broker.server.faults.push({ kind: "text", text: "<html>" });
      await broker.tick();
      const asked = broker.server.asked.length;
      expect(await broker.accounts.requestSync(broker.step(id), broker.as(broker.adaId)));
      await broker.tick();
      assert.ok(broker.server.asked.length > asked);
      await broker.tick();
      assert.deepEqual(
        (await broker.syncs(id)).map(({ status }) => status),
        ["succeeded"],
      );
    });

    test("Retry-After is waited for: nothing is asked before", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      broker.server.faults.push({ kind: "status", status: 429, retryAfter: "600" });
      await broker.tick();
      const asked = broker.server.asked.length;
      expect(await broker.accounts.requestSync(broker.step(id), broker.as(broker.adaId)));
      broker.clock.advance(599_000);
      await broker.tick();
      assert.equal(broker.server.asked.length, asked);
      broker.clock.advance(2_000);
      await broker.tick();
      assert.ok(broker.server.asked.length > asked);
      assert.equal((await broker.synced(id)).status, "succeeded");
    });

    test("without Retry-After the pauses double, and an outage may say how long it takes", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      const limited: Fault = { kind: "status", status: 429 };
      broker.server.faults.push(limited, limited, limited, limited);
      const pauses: number[] = [];
      const pause = async () => {
        await broker.tick();
        const [sync] = await broker.syncs(id);
        const until = sync?.fetching.nextTryAt ?? broker.now();
        return Instant.toUnixMs(until) - broker.clock.unixMs();
      };
      for (let turn = 0; turn < 4; turn += 1) {
        pauses.push(await pause());
        broker.clock.advance(pauses.at(-1) ?? 0);
      }
      assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000]);
      broker.server.faults.push({ kind: "status", status: 503, retryAfter: "3600" });
      assert.equal(await pause(), 3_600_000);
      broker.clock.advance(3_600_000);
      assert.equal((await broker.synced(id)).status, "succeeded");
    });

    test("limits without end: a sync waits a little between its requests, and a whole day is left to the next one", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      broker.server.faults.push({ kind: "status", status: 429, retryAfter: "0" });
      await broker.tick();
      const [waiting] = await broker.syncs(id);
      assert.ok(waiting && waiting.fetching.nextTryAt > broker.now());

      broker.clock.advance(1_000);
      broker.server.faults.push({ kind: "status", status: 429, retryAfter: "86400" });
      const ended = await broker.synced(id);
      assert.deepEqual(
        [ended.status, "reason" in ended && ended.reason],
        ["failed", "rate-limited"],
      );
      const asked = broker.server.asked.length;
      broker.clock.advance(dayMs - 60_000);
      await broker.tick();
      assert.equal(broker.server.asked.length, asked);
      broker.clock.advance(120_000);
      assert.equal((await broker.synced(id)).status, "succeeded");
    });

    test("a provider that stays away ends the sync, which keeps what it has and is due again", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(150, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      let pages = 0;
      broker.server.hooks.beforePage = () => {
        pages += 1;
        if (pages === 1)
          broker.server.faults.push(
            ...Array.from({ length: 40 }, (): Fault => ({ kind: "text", text: "<html>" })),
          );
      };
      const partial = await broker.synced(id);
      assert.deepEqual(
        [partial.status, "reason" in partial && partial.reason, partial.fetching.rows],
        ["partially-succeeded", "unreadable", 100],
      );
      broker.server.faults.length = 0;
      broker.clock.advance(15 * 60_000);
      const whole = await broker.synced(id);
      assert.deepEqual([whole.status, whole.fetching.rows], ["succeeded", 150]);
      assert.equal((await broker.booked()).lines.length, 150);
    });

    test("nothing of a sync that fetched nothing is left but its failure", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      broker.server.faults.push({ kind: "status", status: 403 });
      const sync = await broker.synced(id);
      assert.deepEqual([sync.status, "reason" in sync && sync.reason], ["failed", "refused"]);
      assert.deepEqual(await broker.mirrors(), []);
    });

    test("owners take turns, however many connections one of them has", async () => {
      await using broker = await given();
      const connectAndSync = async (actor: string) => {
        const { id } = expect(await broker.connect(broker.server.keys, actor));
        expect(await broker.accounts.requestSync(broker.step(id), broker.as(actor)));
      };
      for (let many = 0; many < 9; many += 1) await connectAndSync(broker.adaId);
      await connectAndSync(broker.bobId);
      const turns = await broker.subject.read(broker.as("system"), ({ syncs }) =>
        syncs.unfinished(broker.now(), 8, []),
      );
      assert.deepEqual(
        turns.map(({ ownerId }) => ownerId),
        [broker.adaId, broker.bobId],
      );
    });

    test("two processes that sync at once fetch no page twice into the book", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(350, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      const run = () => broker.accounts.runSyncs({}, broker.as("system"));
      for (let turn = 0; turn < 3; turn += 1)
        for (const done of await Promise.all([run(), run(), run()]))
          assert.deepEqual(expect(done).failures, []);
      const ended = await broker.synced(id);
      assert.deepEqual([ended.status, ended.fetching.rows], ["succeeded", 350]);
      assert.deepEqual(
        [(await broker.booked()).lines.length, (await broker.syncs(id)).length],
        [350, 1],
      );
    });

    test("a sync that is asked for twice is one", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      const ask = () => broker.accounts.requestSync(broker.step(id), broker.as(broker.adaId));
      const both = await Promise.all([ask(), ask()]);
      const ids = both.flatMap((one) => (one.ok ? [one.value.id] : []));
      assert.equal(new Set(ids).size, 1);
      await broker.synced(id);
      const syncId = ids[0] ?? "";
      const foreign = await broker.accounts.getSync(
        read(GetSync, { syncId }),
        broker.as(broker.bobId),
      );
      assert.deepEqual(!foreign.ok && foreign.error.type, "forbidden");
    });
  });
}
