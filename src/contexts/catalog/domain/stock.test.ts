import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { afterMinutes as at, newId, start } from "#test/values.ts";
import { types } from "../testing/events.ts";
import type { CatalogEvent } from "./events.ts";
import { OwnerId, ReservationId } from "./ids.ts";
import { Location } from "./location.ts";
import { Adjustment, Quantity, Units, maxUnits } from "./quantity.ts";
import { Sku } from "./sku.ts";
import { Stock, StockSnapshot, maxReservations } from "./stock.ts";

const quantity = (n: number) => expect(Quantity.parse(n));

const sku = expect(Sku.parse("ts-red-m"));

const holder = newId(OwnerId);

describe("a stock", () => {
  const empty = Stock.none({ sku, location: Location.main });
  const stocked = (n: number) => saved(expect(Stock.receive(empty, quantity(n))));
  const reservation = (n: number, minutes = 10) => ({
    id: newId(ReservationId),
    quantity: quantity(n),
    expiresAt: at(minutes),
    holder,
  });

  test("keeps what is reserved, and sells it when it is bought", () => {
    const kept = reservation(3);
    const reserved = saved(expect(Stock.reserve(stocked(10), kept, start)));
    assert.deepEqual([reserved.onHand, Stock.available(reserved)], [10, 7]);
    const sold = saved(expect(Stock.commit(reserved, kept.id, at(5))));
    assert.deepEqual([sold.onHand, sold.reserved], [7, 0]);
    const gone = err({ type: "reservation-not-found" });
    assert.deepEqual(Stock.commit(sold, kept.id, at(5)), gone);
    assert.deepEqual(Stock.release(sold, kept.id), gone);
    const { state: released, events } = expect(Stock.release(reserved, kept.id));
    assert.deepEqual([released.onHand, Stock.available(released)], [10, 10]);
    assert.deepEqual(types(events), ["catalog.reservation-released"]);
  });

  test("refuses more than there is, and tells when nothing is left", () => {
    const refused = Stock.reserve(stocked(2), reservation(3), start);
    assert.deepEqual(refused, err({ type: "out-of-stock", available: 2 }));
    const some = expect(Stock.reserve(stocked(2), reservation(1), start));
    assert.deepEqual(types(some.events), ["catalog.stock-reserved"]);
    const last = expect(Stock.reserve(stocked(2), reservation(2), start));
    assert.deepEqual(types(last.events), ["catalog.stock-reserved", "catalog.stock-exhausted"]);
  });

  test("counts expired reservations as available at once", () => {
    const kept = reservation(2, 10);
    const full = saved(expect(Stock.reserve(stocked(2), kept, start)));
    const expired = err({ type: "reservation-expired" });
    assert.deepEqual(Stock.commit(full, kept.id, at(10)), expired);
    const again = expect(Stock.reserve(full, reservation(2, 20), at(10)));
    assert.deepEqual(types(again.events), [
      "catalog.reservation-released",
      "catalog.stock-reserved",
      "catalog.stock-exhausted",
    ]);
    assert.deepEqual(Stock.releaseExpired(full, at(9)), { state: full, events: [] });
    assert.equal(Stock.available(Stock.releaseExpired(full, at(10)).state), 2);
  });

  test("is adjusted down to the reserved units and up to the limit", () => {
    const full = saved(expect(Stock.reserve(stocked(5), reservation(3), start)));
    const by = (n: number) => ({ by: expect(Adjustment.parse(n)), reason: "counted" });
    assert.equal(expect(Stock.adjust(full, by(-2))).state.onHand, 3);
    const refused = err({ type: "out-of-stock", available: 2 });
    for (const n of [-3, -6]) assert.deepEqual(Stock.adjust(full, by(n)), refused);
    const tooMuch = err({ type: "too-much-stock", onHand: 5 });
    assert.deepEqual(Stock.adjust(full, by(maxUnits)), tooMuch);
    assert.deepEqual(Stock.receive(full, quantity(maxUnits)), tooMuch);
  });

  test("has a limited number of reservations", () => {
    const open = Array.from({ length: maxReservations }, () => reservation(1));
    const full = StockSnapshot.open(empty, { onHand: 20_000 as Units, reservations: open });
    const refused = err({ type: "too-many-reservations", maxReservations });
    assert.deepEqual(Stock.reserve(full, reservation(1), start), refused);
  });

  test("never reserves more than there is, and replays alike from any snapshot", () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom("receive", "adjust", "reserve", "commit", "release", "expire"),
        fc.integer({ min: 1, max: 20 }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, fc.nat(), (taken, cut) => {
        let stock = empty;
        const events: CatalogEvent[] = [];
        for (const [i, [step, n]] of taken.entries()) {
          const [id] = [...stock.reservations.keys()].slice(n % (stock.reservations.size + 1));
          const some = id ?? newId(ReservationId);
          const by = { by: (i % 2 === 0 ? n : -n) as Adjustment, reason: "x" };
          const outcome = {
            receive: () => Stock.receive(stock, quantity(n)),
            adjust: () => Stock.adjust(stock, by),
            reserve: () => Stock.reserve(stock, reservation(n, i + 3), at(i)),
            commit: () => Stock.commit(stock, some, at(i)),
            release: () => Stock.release(stock, some),
            expire: () => ok(Stock.releaseExpired(stock, at(i))),
          }[step]?.();
          if (!outcome?.ok) continue;
          events.push(...outcome.value.events);
          stock = saved(outcome.value);
          assert.ok(stock.reserved >= 0 && stock.reserved <= stock.onHand);
        }
        assert.equal(stock.version, events.length);
        const middle = cut % (events.length + 1);
        const before = Stock.replay(empty, events.slice(0, middle));
        const kept = JSON.parse(JSON.stringify(StockSnapshot.of(before))) as unknown;
        const begun = StockSnapshot.open(empty, expect(StockSnapshot.parse(kept)));
        const replayed = Stock.replay(begun, events.slice(middle));
        assert.deepEqual({ ...replayed, version: stock.version }, stock);
      }),
    );
  });
});
