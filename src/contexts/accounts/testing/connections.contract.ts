import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { deposits } from "../infrastructure/stand-ins/alpaca.ts";
import type { Fault } from "../infrastructure/stand-ins/stand-in.ts";
import { Reconnect } from "../application/connections/connect-provider.ts";
import type { Sealed } from "../domain/connection.ts";
import type { ConnectionId } from "../domain/ids.ts";
import { olderSealing, read, sealing, syncEveryMs, type OpenAccounts } from "./fixtures.ts";

import { before, dayMs, openBroker } from "./broker.ts";

/** On every adapter, a connection takes keys that its provider accepts, of its own accounts, and no others. */
export function connectionsContract(name: string, open: OpenAccounts): void {
  const given = () => openBroker(open);

  describe(`connections on ${name}`, () => {
    test("keys that the provider does not take connect nothing", async () => {
      await using broker = await given();
      const refused = await broker.connect({ id: "PKTEST", secret: "wrong" });
      assert.deepEqual(!refused.ok && refused.error.type, "keys-refused");
      broker.server.faults.push(
        ...Array.from({ length: 4 }, (): Fault => ({ kind: "status", status: 503 })),
      );
      const away = await broker.connect();
      assert.deepEqual(!away.ok && away.error.type, "provider-unavailable");
      const page = await broker.accounts.listConnections({}, broker.as(broker.adaId));
      assert.deepEqual(expect(page).items, []);
    });

    test("keys that are taken back revoke the connection; other ones go on with its history", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(3, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      await broker.synced(id);
      const old = { ...broker.server.keys };
      broker.server.keys.secret = "another";
      broker.clock.advance(syncEveryMs);
      await broker.synced(id);
      const reconnect = (keys: object) =>
        broker.accounts.reconnect(
          read(Reconnect, { connectionId: id, keys }),
          broker.as(broker.adaId),
        );
      const get = async () =>
        expect(await broker.accounts.getConnection(broker.step(id), broker.as(broker.adaId)))
          .connection.status;
      assert.equal(await get(), "revoked");
      const idle = await broker.accounts.requestSync(broker.step(id), broker.as(broker.adaId));
      assert.deepEqual(!idle.ok && idle.error.type, "connection-not-ready");

      const still = await reconnect(old);
      assert.deepEqual(!still.ok && still.error.type, "keys-refused");
      expect(await reconnect(broker.server.keys));
      assert.equal((await broker.synced(id)).status, "succeeded");
      assert.deepEqual([await get(), (await broker.mirrors()).length], ["active", 1]);
      assert.equal((await broker.booked()).lines.length, 3);
    });

    /** Puts other credentials into the row of a connection, as a person with access to the database could. */
    const put = (broker: Awaited<ReturnType<typeof given>>, id: ConnectionId, sealed: Sealed) =>
      broker.subject.unitOfWork(broker.as("system"), async ({ connections }) => {
        const found = await connections.byId(id);
        if (found?.status === "active") connections.reseal(id, found.credentials, sealed);
        return ok(undefined);
      });
    const credentialsOf = (broker: Awaited<ReturnType<typeof given>>, id: ConnectionId) =>
      broker.subject.read(broker.as("system"), async ({ connections }) => {
        const found = await connections.byId(id);
        return found?.status === "active" ? found.credentials : undefined;
      });

    test("credentials that were moved from another connection open nothing", async () => {
      await using broker = await given();
      const [mine, other] = [expect(await broker.connect()), expect(await broker.connect())];
      await put(broker, mine.id, other.credentials);
      const sync = await broker.synced(mine.id);
      assert.deepEqual([sync.status, "reason" in sync && sync.reason], ["failed", "login-lost"]);
      assert.equal(await credentialsOf(broker, mine.id), undefined, "it is revoked");
      assert.equal((await broker.synced(other.id)).status, "succeeded");
    });

    test("a sync seals credentials under the newest master key", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      const old = olderSealing.seal(JSON.stringify(broker.server.keys), id);
      await put(broker, id, old);
      assert.equal((await broker.synced(id)).status, "succeeded");
      const now = await credentialsOf(broker, id);
      assert.ok(now && now !== old && !sealing.isOld(now));
      assert.deepEqual(JSON.parse(sealing.open(now, id) ?? ""), broker.server.keys);
    });

    test("keys of another account are refused, and so is an account that changes its number", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(3, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      await broker.synced(id);
      broker.server.account["account_number"] = "ANOTHER";
      const other = await broker.accounts.reconnect(
        read(Reconnect, { connectionId: id, keys: broker.server.keys }),
        broker.as(broker.adaId),
      );
      assert.deepEqual(!other.ok && other.error.type, "other-account");
      const sync = await broker.again(id);
      assert.deepEqual([sync.status, "reason" in sync && sync.reason], ["failed", "other-account"]);
      assert.deepEqual(
        [(await broker.mirrors()).length, (await broker.booked()).lines.length],
        [1, 3],
      );
    });

    test("nothing is fetched for an owner who was deleted", async () => {
      await using broker = await given();
      const { id } = expect(await broker.connect());
      broker.server.faults.push({ kind: "text", text: "<html>" });
      await broker.tick();
      broker.deleted.add(broker.adaId);
      const asked = broker.server.asked.length;
      broker.clock.advance(60_000);
      await broker.tick();
      for (let days = 0; days < 3; days += 1) {
        broker.clock.advance(dayMs);
        await broker.tick();
      }
      assert.equal(broker.server.asked.length, asked);

      broker.deleted.clear();
      const [newest, ...others] = await broker.syncs(id);
      assert.deepEqual(
        [newest && "reason" in newest && newest.reason, others],
        ["not-allowed", []],
      );
      assert.equal((await broker.again(id)).status, "succeeded", "they are back");
    });

    test("a disconnected provider is asked nothing more, and what was fetched stays", async () => {
      await using broker = await given();
      broker.server.activities.push(...deposits(150, before(broker.now(), 30)));
      const { id } = expect(await broker.connect());
      let pages = 0;
      broker.server.hooks.beforePage = () => {
        pages += 1;
        if (pages === 1) broker.server.faults.push({ kind: "status", status: 503 });
        if (pages === 1) broker.server.faults.push({ kind: "status", status: 503 });
      };
      await broker.tick();
      expect(await broker.accounts.disconnect(broker.step(id), broker.as(broker.adaId)));
      const asked = broker.server.asked.length;
      const { status } = await broker.synced(id);
      assert.deepEqual([status, broker.server.asked.length], ["partially-succeeded", asked]);
      assert.equal((await broker.booked()).lines.length, 100);
      broker.clock.advance(10 * syncEveryMs);
      await broker.tick();
      assert.equal((await broker.syncs(id)).length, 1);
    });
  });
}
