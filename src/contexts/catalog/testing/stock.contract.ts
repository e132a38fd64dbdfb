import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import type { OpenCatalog } from "./fixtures.ts";
import { openShop, read, type Shop } from "./shop.ts";
import { AdjustStock } from "../application/stock/count-stock.ts";
import { EndReservation, GetReservation } from "../application/stock/reservations.ts";

const minuteMs = 60_000;
const buyers = 64;

const end = (shop: Shop, reservationId: string, context = shop.admin) => {
  const input = read(EndReservation, { reservationId });
  return {
    commit: () => shop.catalog.commitReservation(input, context),
    release: () => shop.catalog.releaseReservation(input, context),
  };
};

/** What stock and its reservations do, on every adapter of their repositories. */
export function stockContract(name: string, open: OpenCatalog): void {
  const given = () => openShop(open);

  describe(`stock on ${name}`, () => {
    test("is received, adjusted, reserved, bought and given back", async () => {
      await using shop = await given();
      const { catalog, admin, receive, reserve, level } = shop;
      assert.deepEqual(await receive(1), err({ type: "sku-not-found" }));
      await shop.onSale();
      expect(await receive(10));
      const adjust = read(AdjustStock, { sku: "M", by: -2, reason: "broken" });
      assert.equal(expect(await catalog.adjustStock(adjust, admin)).onHand, 8);
      const [bought, released] = [expect(await reserve(3)), expect(await reserve(4))];
      assert.deepEqual(await reserve(2), err({ type: "out-of-stock", available: 1 }));
      expect(await end(shop, bought.id).commit());
      expect(await end(shop, released.id).release());
      const over = err({ type: "reservation-ended", status: "committed" });
      assert.deepEqual(await end(shop, bought.id).release(), over);
      assert.deepEqual(await level(), {
        sku: "M",
        location: "main",
        onHand: 5,
        reserved: 0,
        available: 5,
      });
    });

    test("64 concurrent buyers get exactly the ten units in stock", async () => {
      await using shop = await given();
      await shop.onSale();
      expect(await shop.receive(10));
      const wanted = Array.from({ length: buyers }, () => shop.reserve(1));
      const outcomes = await Promise.all(wanted);
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 10);
      for (const outcome of outcomes)
        if (!outcome.ok) assert.deepEqual(outcome, err({ type: "out-of-stock", available: 0 }));
      assert.equal((await shop.level())?.available, 0);
    });

    test("becomes available again when a reservation expires", async () => {
      await using shop = await given();
      const { catalog, clock, reserve, level } = shop;
      await shop.onSale();
      expect(await shop.receive(5));
      const admin = await shop.asAdmin();
      const late = expect(await reserve(5, admin, { holdS: 60 }));
      clock.advance(minuteMs);
      const context = { ...admin, deadlineMs: clock.unixMs() + minuteMs };
      const gone = err({ type: "reservation-expired" });
      assert.deepEqual(await end(shop, late.id, context).commit(), gone);
      assert.deepEqual(await catalog.releaseExpired({}, context), ok({ done: 1, failures: [] }));
      assert.deepEqual(await catalog.releaseExpired({}, context), ok({ done: 0, failures: [] }));
      assert.equal((await level(context))?.available, 5);
      const over = err({ type: "reservation-ended", status: "expired" });
      assert.deepEqual(await end(shop, late.id, context).commit(), over);
    });

    test("is reserved for its holder, and not for others to buy or give back", async () => {
      await using shop = await given();
      await shop.onSale();
      expect(await shop.receive(5));
      const ada = await (await shop.somebody("ada@example.com")).asking();
      const bob = await (await shop.somebody("bob@example.com")).asking();
      const hers = expect(await shop.reserve(2, ada));
      for (const outcome of [
        await end(shop, hers.id, bob).commit(),
        await end(shop, hers.id, bob).release(),
      ])
        assert.equal(outcome.ok ? "" : outcome.error.type, "forbidden");
      const get = async (context: typeof ada) =>
        shop.catalog.getReservation(read(GetReservation, { reservationId: hers.id }), context);
      const { status, expiresAt } = expect(await get(ada));
      assert.deepEqual([status, expiresAt], ["open", hers.expiresAt]);
      assert.deepEqual(await get(bob), err({ type: "forbidden", permission: "reservations:read" }));
      const unpaid = await end(shop, hers.id, ada).commit();
      assert.deepEqual(unpaid, err({ type: "forbidden", permission: "reservations:commit" }));
      const till = await (await shop.somebody("till@example.com", "checkout")).asking();
      expect(await end(shop, hers.id, till).commit());
      assert.equal(expect(await get(ada)).status, "committed");
      const denied = await shop.reserve(1, await shop.stranger());
      assert.equal(denied.ok ? "" : denied.error.type, "forbidden");
    });

    test("one holder reserves so much, in races too, and a checkout more", async () => {
      await using shop = await given();
      await shop.onSale();
      await shop.onSale({ name: "Blue", skus: ["B"], slug: "blue" });
      expect(await shop.receive(1_000));
      expect(await shop.receive(1_000, "B"));
      const { asking } = await shop.somebody("ada@example.com");
      const ada = await asking();
      const limit = err({ type: "holder-limit-reached", reservations: 3, units: 10 });
      assert.deepEqual(await shop.reserve(11, ada), limit);
      const racing = await Promise.all(
        Array.from({ length: 8 }, (_, i) => shop.reserve(1, ada, { sku: i % 2 ? "M" : "B" })),
      );
      assert.equal(racing.filter(({ ok: isOk }) => isOk).length, 3);
      for (const outcome of racing) if (!outcome.ok) assert.deepEqual(outcome, limit);
      const [first] = racing.flatMap((outcome) => (outcome.ok ? [outcome.value.id] : []));
      assert.ok(first);
      expect(await end(shop, first, ada).release());
      expect(await shop.reserve(10, ada));
      const checkout = await (await shop.somebody("pay@example.com", "checkout")).asking();
      for (let i = 0; i < 5; i += 1) expect(await shop.reserve(20, checkout));
    });

    test("refuses to reserve stock of an unpublished product", async () => {
      await using shop = await given();
      const { catalog, admin, step } = shop;
      const made = expect(await shop.draft());
      expect(await shop.receive(5));
      assert.deepEqual(await shop.reserve(1), err({ type: "sku-not-found" }));
      expect(await catalog.publishProduct(step(made.id, 1), admin));
      expect(await catalog.archiveProduct(step(made.id, 2), admin));
      assert.deepEqual(await shop.reserve(1), err({ type: "sku-not-found" }));
    });

    test("is replayed from hundreds of events and snapshots", async () => {
      await using shop = await given();
      await shop.onSale();
      expect(await shop.receive(1_000));
      for (let i = 0; i < 120; i += 1) {
        const { id } = expect(await shop.reserve(2));
        if (i % 2 === 0) expect(await end(shop, id).commit());
        else if (i % 3 === 0) expect(await end(shop, id).release());
      }
      const level = await shop.level();
      assert.deepEqual([level?.onHand, level?.reserved], [880, 80]);
    });
  });
}
