import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect, type Result } from "#kernel/result.ts";
import { dividends, signInAtSchwab } from "../infrastructure/stand-ins/schwab.ts";
import { ConnectProvider } from "../application/connections/connect-provider.ts";
import { before, dayMs, openSchwab } from "./broker.ts";
import { read, sealing, syncEveryMs, type OpenAccounts } from "./fixtures.ts";

const refusal = (result: Result<unknown, { readonly type: string }>) =>
  result.ok ? "ok" : result.error.type;

/** On every adapter, a login at a provider ends in the session that began it, once, and its tokens are renewed by one process at a time. */
export function loginsContract(name: string, open: OpenAccounts): void {
  const given = () => openSchwab(open);
  type House = Awaited<ReturnType<typeof given>>;
  /** The tokens of a connection, as they are kept. */
  const tokensOf = async (house: House, id: string) => {
    const found = await house.subject.read(house.as("system"), ({ connections }) =>
      connections.byId(house.step(id).connectionId),
    );
    assert.ok(found?.status === "active");
    return JSON.parse(sealing.open(found.credentials, found.id) ?? "") as Record<string, string>;
  };

  describe(`logins on ${name}`, () => {
    test("an owner signs in at Schwab, and all accounts of theirs have lines and cash", async () => {
      await using house = await given();
      const { server, now } = house;
      server.accounts.push({ number: "87654321", hash: "HASH2", cash: "-5.25" });
      const [first] = dividends(1, before(now(), 30));
      assert.ok(first);
      server.transactions.set("12345678", [
        first,
        {
          ...first,
          time: before(now(), 20),
          activityId: 9_007_199_254_740_995n,
          type: "TRADE",
          netAmount: -1500.25,
          transferItems: [
            {
              instrument: { assetType: "CURRENCY", symbol: "CURRENCY_USD" },
              amount: 0.25,
              feeType: "COMMISSION",
            },
            {
              instrument: { assetType: "EQUITY", symbol: "AAPL" },
              amount: 10,
              price: 150,
              positionEffect: "OPENING",
            },
          ],
        },
      ]);
      server.transactions.set("87654321", [{ ...first, time: before(now(), 3), netAmount: -5.25 }]);
      const begun = await house.begin();
      assert.equal(begun.status, "pending");
      assert.equal(
        refusal(await house.accounts.requestSync(house.step(begun.id), house.as(house.adaId))),
        "connection-not-ready",
      );
      const connection = expect(await house.finish(await signInAtSchwab(begun.signInAt)));
      assert.deepEqual([connection.id, connection.status], [begun.id, "active"]);

      const sync = await house.synced(connection.id);

      assert.deepEqual([sync.status, sync.fetching.rows], ["succeeded", 3]);
      const mirrors = (await house.mirrors()).toSorted((a, b) =>
        (a.mask ?? "").localeCompare(b.mask ?? ""),
      );
      assert.deepEqual(
        mirrors.map(({ mask, posted }) => [mask, posted]),
        [
          ["4321", -525n],
          ["5678", 100_000n],
        ],
      );
      const lines = await house.lines(mirrors[1]?.id ?? "");
      assert.deepEqual(
        lines.map((line) => line.slice("2026-01-01 ".length)).toSorted(),
        ["-150025 AAPL booked", "1 Dividend 0 booked"],
        "two ids above 2^53 are two lines",
      );
      const types = (await house.subject.events()).filter((type) => /connection/.test(type));
      assert.deepEqual(types, [
        "accounts.connection-login-begun",
        "accounts.connection-login-returned",
        "accounts.connection-activated",
      ]);
      assert.doesNotMatch(await house.subject.payloads(), /access\.|refresh\./);
    });

    test("a state is good for one time, in its session, for ten minutes, and of its newest login", async () => {
      await using house = await given();
      const { signInAt } = await house.begin();
      const returned = await signInAtSchwab(signInAt);
      for (const other of [house.inSession("phone"), house.inSession("laptop", house.bobId)])
        assert.match(refusal(await house.finish(returned, other)), /login-unknown|forbidden/);
      for (const state of [
        "",
        "x",
        `${returned["state"]}x`,
        "connection_01jzzzzzzzzzzzzzzzzzzzzzzz.x",
      ])
        if (state !== "")
          assert.equal(refusal(await house.finish({ ...returned, state })), "login-unknown");
      const both = await Promise.all([house.finish(returned), house.finish(returned)]);
      assert.deepEqual(both.map(refusal).toSorted(), ["login-unknown", "ok"]);
      assert.equal(refusal(await house.finish(returned)), "login-unknown");

      const late = await house.begin();
      const lately = await signInAtSchwab(late.signInAt);
      house.clock.advance(10 * 60_000);
      assert.equal(refusal(await house.finish(lately)), "login-unknown");
      const [first, second] = [await house.reauthorize(late.id), await house.reauthorize(late.id)];
      assert.equal(refusal(await house.finish(await signInAtSchwab(first))), "login-unknown");
      assert.equal(refusal(await house.finish(await signInAtSchwab(second))), "ok");
    });

    test("a request that is sent again gets the answer of the first one", async () => {
      await using house = await given();
      const returned = await signInAtSchwab((await house.begin()).signInAt);
      const context = () => ({
        ...house.inSession("laptop"),
        idempotency: { key: "once", fingerprint: "same" },
      });
      const [first, second] = [
        await house.finish(returned, context()),
        await house.finish(returned, context()),
      ];
      assert.deepEqual(expect(second), JSON.parse(JSON.stringify(expect(first))));
    });

    test("a code without its proof, a late code and a person who does not sign in connect nothing", async () => {
      await using house = await given();
      const stolen = await house.begin();
      const other = await house.begin();
      const [mine, theirs] = [
        await signInAtSchwab(stolen.signInAt),
        await signInAtSchwab(other.signInAt),
      ];
      const mixed = { state: mine["state"], code: theirs["code"] };
      assert.equal(refusal(await house.finish(mixed)), "login-failed");
      assert.equal(await house.statusOf(stolen.id), "failed");

      house.clock.advance(31_000);
      assert.equal(refusal(await house.finish(theirs)), "login-failed");

      house.server.habits.denies = true;
      const denied = await signInAtSchwab((await house.begin()).signInAt);
      assert.deepEqual(Object.keys(denied), ["state", "error"]);
      assert.equal(refusal(await house.finish(denied)), "login-failed");

      house.server.habits.denies = false;
      const back = await signInAtSchwab(await house.reauthorize(stolen.id));
      assert.equal(expect(await house.finish(back)).status, "active");
    });

    test("a login that nobody ends has failed, and may begin again", async () => {
      await using house = await given();
      const { id } = await house.begin();
      const watch = async () => expect(await house.accounts.watchLogins({}, house.as("system")));
      await watch();
      assert.equal(await house.statusOf(id), "pending");
      house.clock.advance(10 * 60_000);
      await watch();
      assert.equal(await house.statusOf(id), "failed");
      expect(await house.finish(await signInAtSchwab(await house.reauthorize(id))));
      assert.equal(await house.statusOf(id), "active");
    });

    test("keys where a login is wanted, and a login where keys are, are refused by name", async () => {
      await using house = await given();
      const keys = { id: "a", secret: "b" };
      const made = await house.accounts.connectProvider(
        read(ConnectProvider, { provider: "schwab", keys }),
        house.as(house.adaId),
      );
      assert.deepEqual(!made.ok && made.error, {
        type: "other-credentials",
        connectsWith: "login",
      });
    });

    test("tokens are renewed before they end, and kept before they are used", async () => {
      await using house = await given();
      const { id } = await house.connected();
      await house.synced(id);
      const first = await tokensOf(house, id);
      house.clock.advance(29.5 * 60_000);
      assert.equal((await house.again(id)).status, "succeeded");
      const second = await tokensOf(house, id);
      assert.notEqual(second["access"], first["access"]);
      assert.notEqual(second["refresh"], first["refresh"], "it rotates");
      assert.equal(house.server.counts.refreshes, 1);
      house.clock.advance(syncEveryMs);
      assert.equal((await house.again(id)).status, "succeeded");
      assert.equal(house.server.counts.refreshes, 2);
    });

    test("a token that Schwab takes back before its time is renewed once", async () => {
      await using house = await given();
      const { id } = await house.connected();
      await house.synced(id);
      house.server.revoke("access");
      assert.equal((await house.again(id)).status, "succeeded");
      assert.equal(house.server.counts.refreshes, 1);
    });

    test("three processes at once refresh a token once", async () => {
      await using house = await given();
      house.server.transactions.set("12345678", dividends(5, before(house.now(), 30)));
      const { id } = await house.connected();
      await house.synced(id);
      house.clock.advance(3_600_000);
      expect(await house.accounts.requestSync(house.step(id), house.as(house.adaId)));
      house.server.timing.answerMs = 20;
      await Promise.all([house.tick(), house.tick(), house.tick()]);
      assert.equal((await house.synced(id)).status, "succeeded");
      assert.equal(house.server.counts.refreshes, 1);
      assert.equal((await house.booked()).lines.length, 5);
    });

    test("an answer to a refresh that is lost ends the login if the token rotates, and nothing otherwise", async () => {
      await using house = await given();
      for (const rotates of [false, true]) {
        house.server.habits.rotates = rotates;
        const { id } = await house.connected();
        await house.synced(id);
        house.clock.advance(3_600_000);
        house.server.faults.push({ kind: "cut" });
        const sync = await house.again(id);
        assert.equal(sync.status, rotates ? "failed" : "succeeded");
        assert.equal(await house.statusOf(id), rotates ? "expired" : "active");
      }
    });

    test("owners are warned a day before a login ends; afterwards nothing is asked before they sign in again", async () => {
      await using house = await given();
      house.server.transactions.set("12345678", dividends(3, before(house.now(), 30)));
      const { id, loginUntil } = await house.connected();
      assert.equal(loginUntil, before(house.now(), -7));
      await house.synced(id);
      const watch = async () => expect(await house.accounts.watchLogins({}, house.as("system")));
      const endings = async () =>
        (await house.subject.events()).filter((type) => /ending|expired/.test(type));
      await watch();
      assert.deepEqual(await endings(), []);
      house.clock.advance(6 * dayMs);
      await Promise.all([watch(), watch()]);
      await watch();
      assert.deepEqual(await endings(), ["accounts.connection-login-ending"]);
      assert.equal((await house.again(id)).status, "succeeded");
      house.clock.advance(dayMs);
      await watch();
      await watch();
      assert.deepEqual((await endings()).slice(1), ["accounts.connection-expired"]);
      const asked = house.server.asked.length;
      await house.tick();
      assert.equal(house.server.asked.length, asked);

      expect(await house.finish(await signInAtSchwab(await house.reauthorize(id))));
      assert.equal((await house.again(id)).status, "succeeded");
      assert.deepEqual(
        [(await house.mirrors()).length, (await house.booked()).lines.length],
        [1, 3],
      );
    });

    test("an app key that Schwab does not know ends no login of a customer", async () => {
      await using house = await given();
      const { id } = await house.connected();
      await house.synced(id);
      house.clock.advance(3_600_000);
      house.server.app.secret = "another";
      const sync = await house.again(id);
      assert.deepEqual([sync.status, "reason" in sync && sync.reason], ["failed", "refused"]);
      assert.equal(await house.statusOf(id), "active");
    });

    test("a token endpoint that answers nonsense ends a sync like any other outage", async () => {
      await using house = await given();
      house.server.habits.rotates = false;
      const { id } = await house.connected();
      await house.synced(id);
      const begun = await house.begin();
      const returned = await signInAtSchwab(begun.signInAt);
      house.server.faults.push({ kind: "status", status: 204 });
      assert.equal(refusal(await house.finish(returned)), "provider-unavailable");
      assert.equal(await house.statusOf(begun.id), "failed");
      house.clock.advance(3_600_000);
      for (let i = 0; i < 20; i += 1) house.server.faults.push({ kind: "status", status: 204 });
      const sync = await house.again(id);
      assert.deepEqual([sync.status, "reason" in sync && sync.reason], ["failed", "unreadable"]);
      house.server.faults.length = 0;
      for (const expiresIn of [1e20, 0, 1e12]) {
        house.server.habits.expiresIn = expiresIn;
        house.clock.advance((2 * dayMs) / 4);
        assert.equal((await house.again(id)).status, "succeeded", String(expiresIn));
      }
    });

    test("a callback that fails ends no login that was begun meanwhile, and none fails while it goes on", async () => {
      await using house = await given();
      const first = await house.begin();
      const returned = await signInAtSchwab(first.signInAt);
      const begun: Promise<string>[] = [];
      house.server.hooks.beforeToken = () => {
        begun.push(house.reauthorize(first.id));
        house.server.faults.push({ kind: "status", status: 503 }, { kind: "status", status: 503 });
      };
      assert.equal(refusal(await house.finish(returned)), "provider-unavailable");
      const [second = ""] = await Promise.all(begun);
      delete house.server.hooks.beforeToken;
      house.server.faults.length = 0;
      assert.equal(refusal(await house.finish(await signInAtSchwab(second))), "ok");

      const third = await house.begin();
      const back = await signInAtSchwab(third.signInAt);
      const watched: Promise<unknown>[] = [];
      house.server.hooks.beforeToken = () =>
        void watched.push(house.accounts.watchLogins({}, house.as("system")));
      assert.equal(refusal(await house.finish(back)), "ok");
      await Promise.all(watched);
      assert.deepEqual(
        [
          await house.statusOf(third.id),
          (await house.subject.events()).filter((type) => /failed/.test(type)),
        ],
        ["active", []],
      );
    });
  });
}
