import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { saved } from "#kernel/change.ts";
import { createIds } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { Category, maxDepth } from "./category.ts";
import { Description, Details, Slug, Title } from "./details.ts";
import { catalogEvents, type CatalogEvent } from "./events.ts";
import { CategoryId, ImportId, OwnerId, PriceId, ProductId, ReservationId } from "./ids.ts";
import { Import, noRows } from "./import.ts";
import { Location } from "./location.ts";
import { PriceList } from "./price-list.ts";
import { Prices, type Price } from "./price.ts";
import { Product } from "./product.ts";
import { Adjustment, maxUnits, Quantity, Units } from "./quantity.ts";
import { Sku } from "./sku.ts";
import { maxReservations, Stock, StockSnapshot } from "./stock.ts";

const start = expect(Instant.parse("2026-01-01T00:00:00Z"));
const at = (minutes: number) => Instant.plus(start, minutes * 60_000);
let made = 0;
const newId = createIds({
  clock: { now: () => start, unixMs: () => Instant.toUnixMs(start) },
  random: (size) => new Uint8Array(size).fill((made += 1)),
});
const quantity = (n: number) => expect(Quantity.parse(n));
const title = (text: string) => expect(Title.parse(text));
const sku = expect(Sku.parse("ts-red-m"));
const holder = newId(OwnerId);

const details = (more: Partial<Details> = {}): Details =>
  expect(
    Details.parse({
      ...{ name: "Red T-Shirt", slug: "red-t-shirt", description: "Soft.", skus: ["TS-RED-M"] },
      ...{ categoryIds: [], attributes: [], images: [] },
      ...more,
    }),
  );
const draft = (more: Partial<Details> = {}) =>
  saved(
    Product.draft({ id: newId(ProductId), ownerId: holder, details: details(more), at: start }),
  );
/** Their types; each is read again from what is stored of it. */
const types = (events: readonly CatalogEvent[]) =>
  events.map(({ type, schemaVersion, payload }) => {
    const stored = JSON.parse(JSON.stringify(payload)) as unknown;
    return expect(catalogEvents.decode({ type, schemaVersion, payload: stored })).type;
  });

describe("a product", () => {
  test("is published with a description and a sku, and not without", () => {
    const published = expect(Product.publish(draft(), at(1)));
    assert.equal(published.state.publishedAt, at(1));
    assert.deepEqual(types(published.events), ["catalog.product-published"]);
    const bare = draft({ skus: [], description: "" as Description });
    const refused = err({ type: "not-publishable", missing: ["skus", "description"] });
    assert.deepEqual(Product.publish(bare, at(1)), refused);
    assert.deepEqual(expect(Product.publish(published.state, at(2))).events, []);
  });

  test("that is on sale stays sellable; one that is archived stays as it was", () => {
    const onSale = saved(expect(Product.publish(draft(), at(1))));
    const emptied = Product.edit(onSale, details({ skus: [] }));
    assert.deepEqual(emptied, err({ type: "not-publishable", missing: ["skus"] }));
    assert.deepEqual(expect(Product.edit(onSale, details())).events, []);
    const renamed = expect(Product.edit(onSale, details({ name: title("Shirt") })));
    assert.deepEqual(types(renamed.events), ["catalog.product-edited"]);

    const bare = expect(Product.edit(draft(), details({ skus: [] })));
    assert.deepEqual(bare.state.details.skus, []);

    const archived = saved(expect(Product.archive(onSale, at(2))));
    assert.equal(archived.ownerId, holder);
    assert.equal(archived.archivedAt, at(2));
    assert.deepEqual(expect(Product.archive(archived, at(3))).events, []);
    assert.deepEqual(Product.archive(draft(), at(3)), err({ type: "product-is-draft" }));
    const refused = err({ type: "product-is-archived" });
    assert.deepEqual(Product.edit(archived, details()), refused);
    assert.deepEqual(Product.publish(archived, at(3)), refused);
  });

  test("is deleted as a draft only, and then found by nobody", () => {
    const onSale = saved(expect(Product.publish(draft(), at(1))));
    assert.deepEqual(Product.delete(onSale), err({ type: "product-is-no-draft" }));
    const gone = expect(Product.delete(draft())).state;
    assert.deepEqual(Product.present(gone), err({ type: "product-not-found" }));
    assert.deepEqual(Product.expected(gone, Version.none), err({ type: "product-not-found" }));
  });

  test("of a version that nobody has seen is not changed", () => {
    const known = draft();
    assert.deepEqual(Product.expected(known, known.version), ok(known));
    const late = err({ type: "precondition-failed", currentVersion: known.version });
    assert.deepEqual(Product.expected(known, Version.none), late);
  });

  test("whose owner is gone belongs to no one, once", () => {
    const cleared = Product.clearOwner(draft());
    assert.equal(cleared.state.ownerId, undefined);
    assert.deepEqual(types(cleared.events), ["catalog.product-owner-cleared"]);
    assert.deepEqual(Product.clearOwner(saved(cleared)).events, []);
    const onSale = saved(expect(Product.publish(saved(cleared), at(1))));
    assert.ok(!("ownerId" in expect(Product.archive(onSale, at(2))).state));
    const nobodys = Product.draft({ id: newId(ProductId), details: details(), at: start });
    assert.ok(!("ownerId" in nobodys.state));
  });

  test("has a slug that reads like its name", () => {
    assert.equal(Slug.of(title("  Réd T-Shirt, size M! ")), "red-t-shirt-size-m");
    assert.equal(Slug.of(title("日本")), undefined);
    assert.equal(Slug.of(title("x".repeat(150)))?.length, 100);
  });
});

describe("a category", () => {
  const create = (name: string, above: readonly Category[]) => {
    const slug = expect(Slug.parse(name));
    return Category.create({ id: newId(CategoryId), name: title(name), slug, above });
  };
  const chain = (length: number) => {
    let above: readonly Category[] = [];
    for (let i = 0; i < length; i += 1) above = [saved(expect(create(`c${i}`, above))), ...above];
    return above;
  };

  test("lies below another, but not below itself, nor too deep", () => {
    const above = chain(maxDepth);
    assert.deepEqual(create("deeper", above), err({ type: "category-too-deep", maxDepth }));
    const top = above.at(-1);
    const [lowest] = above;
    assert.ok(top && lowest);
    assert.deepEqual(Category.move(top, { above, height: 1 }), err({ type: "category-cycle" }));
    const other = saved(expect(create("other", [])));
    const tooDeep = err({ type: "category-too-deep", maxDepth });
    assert.deepEqual(Category.move(other, { above: above.slice(1), height: 2 }), tooDeep);
    assert.ok(Category.move(other, { above: above.slice(1), height: 1 }).ok);
    const moved = expect(Category.move(other, { above: [top], height: 1 }));
    assert.equal(moved.state.parentId, top.id);
    assert.deepEqual(types(moved.events), ["catalog.category-moved"]);
    const back = expect(Category.move(saved(moved), { above: [], height: 1 }));
    assert.equal(back.state.parentId, undefined);
    assert.deepEqual(expect(Category.move(saved(back), { above: [], height: 1 })).events, []);
  });

  test("is renamed, once, in the version that was seen", () => {
    const [category] = chain(1);
    assert.ok(category);
    const renamed = Category.rename(category, title("Clothes"));
    assert.deepEqual(types(renamed.events), ["catalog.category-renamed"]);
    assert.deepEqual(Category.rename(saved(renamed), title("Clothes")).events, []);
    const { id, version } = category;
    assert.deepEqual(Category.expected(category, { id, version }), ok(category));
    const unknown = err({ type: "category-not-found", id });
    assert.deepEqual(Category.expected(undefined, { id, version }), unknown);
    const late = err({ type: "precondition-failed", currentVersion: version });
    assert.deepEqual(Category.expected(category, { id, version: Version.none }), late);
  });
});

describe("a stock", () => {
  const empty = Stock.none({ sku, location: Location.main });
  const stocked = (n: number) => saved(expect(Stock.receive(empty, quantity(n))));
  const reservation = (n: number, minutes = 10) => ({
    ...{ id: newId(ReservationId), quantity: quantity(n), expiresAt: at(minutes), holder },
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

  test("is free of what has expired, whether or not anybody has noticed", () => {
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

  test("is corrected down to what is reserved, and up to what anybody counts", () => {
    const full = saved(expect(Stock.reserve(stocked(5), reservation(3), start)));
    const by = (n: number) => ({ by: expect(Adjustment.parse(n)), reason: "counted" });
    assert.equal(expect(Stock.adjust(full, by(-2))).state.onHand, 3);
    const refused = err({ type: "out-of-stock", available: 2 });
    for (const n of [-3, -6]) assert.deepEqual(Stock.adjust(full, by(n)), refused);
    const tooMuch = err({ type: "too-much-stock", onHand: 5 });
    assert.deepEqual(Stock.adjust(full, by(maxUnits)), tooMuch);
    assert.deepEqual(Stock.receive(full, quantity(maxUnits)), tooMuch);
  });

  test("has so many reservations at most", () => {
    const open = Array.from({ length: maxReservations }, () => reservation(1));
    const full = StockSnapshot.open(empty, { onHand: 20_000 as Units, reservations: open });
    const refused = err({ type: "too-many-reservations", maxReservations });
    assert.deepEqual(Stock.reserve(full, reservation(1), start), refused);
  });

  test("never promises what is not there, and is what its events say, from any snapshot", () => {
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

describe("an import", () => {
  test("is received with all its rows, and finished once", () => {
    const arriving = {
      ...({ id: newId(ImportId), kind: "stock", isDryRun: false, status: "arriving" } as const),
      ...{ receivedAt: start, rows: 0, tally: noRows, version: Version.none },
    };
    const received = Import.received(arriving, 3);
    assert.deepEqual([received.state.status, received.state.rows], ["waiting", 3]);
    assert.deepEqual(types(received.events), ["catalog.import-received"]);
    const finished = Import.finish(saved(received), at(1));
    assert.deepEqual(finished.state, { ...saved(received), status: "finished", finishedAt: at(1) });
    assert.deepEqual(types(finished.events), ["catalog.import-finished"]);
    const again = Import.finish(saved(finished), at(2));
    assert.deepEqual(again, { state: saved(finished), events: [] });
  });
});

describe("prices", () => {
  const none: Prices = { sku, prices: [], version: Version.none };
  const price = (amount: string, from: number, until?: number): Price => ({
    ...{ id: newId(PriceId), sku, list: PriceList.standard, minimumQuantity: quantity(1) },
    price: expect(Money.parse({ amount, currency: "EUR" })),
    validFrom: at(from),
    ...(until === undefined ? {} : { validUntil: at(until) }),
  });
  const with_ = (...prices: readonly Price[]) =>
    prices.reduce((all, next) => expect(Prices.set(all, next, at(0))).state, none);

  test("without an end give way to one that begins later", () => {
    const first = price("10", 0);
    const change = expect(Prices.set(with_(first), price("12", 5), at(0)));
    assert.deepEqual(types(change.events), ["catalog.price-ended", "catalog.price-set"]);
    assert.equal(change.state.prices[0]?.validUntil, at(5));
    const alone = expect(Prices.set(none, first, at(0)));
    assert.deepEqual(types(alone.events), ["catalog.price-set"]);
  });

  test("that were paid stay what they were: nothing gives way in the past", () => {
    const known = with_(price("10", 0));
    const refused = err({ type: "price-invalid", reason: "changes-the-past" });
    assert.deepEqual(Prices.set(known, price("99", 5), at(6)), refused);
    assert.equal(Prices.set(known, price("99", 6), at(6)).ok, true);
    assert.equal(Prices.set(none, price("99", 5), at(6)).ok, true);
  });

  test("for the same thing at the same time are refused", () => {
    const later = price("10", 10, 20);
    for (const rival of [price("9", 15), price("9", 0, 11), price("9", 10), price("9", 12, 13)])
      assert.deepEqual(
        Prices.set(with_(later), rival, at(0)),
        err({ type: "price-overlaps", priceId: later.id }),
      );
    for (const beside of [
      price("9", 20, 30),
      price("9", 0, 10),
      { ...price("9", 15), minimumQuantity: quantity(10) },
      { ...price("9", 15), list: expect(PriceList.parse("wholesale")) },
      { ...price("9", 15), price: expect(Money.parse({ amount: "9", currency: "USD" })) },
    ])
      assert.equal(Prices.set(with_(later), beside, at(0)).ok, true);
  });

  test("are not negative, and end after they begin", () => {
    const invalid = (reason: string) => err({ type: "price-invalid", reason });
    assert.deepEqual(Prices.set(none, price("-0.01", 0), at(0)), invalid("negative"));
    assert.deepEqual(Prices.set(none, price("1", 5, 5), at(0)), invalid("ends-before-it-begins"));
    const open = price("1", 5);
    const end = (until: number, now = 0) =>
      Prices.end(with_(open), open.id, { until: at(until), now: at(now) });
    assert.deepEqual(types(expect(end(6)).events), ["catalog.price-ended"]);
    assert.deepEqual(end(5, 5), invalid("ends-before-it-begins"));
    const withdrawn = expect(end(5));
    assert.deepEqual(types(withdrawn.events), ["catalog.price-withdrawn"]);
    assert.deepEqual(withdrawn.state.prices, []);
    const bounded = price("1", 0, 5);
    const both = Prices.end(with_(bounded, open), open.id, { until: at(5), now: at(0) });
    assert.deepEqual(expect(both).state.prices, [bounded]);
    const late = Prices.end(with_(bounded), bounded.id, { until: at(5), now: at(0) });
    assert.deepEqual(late, invalid("has-ended"));
    assert.deepEqual(end(6, 7), invalid("has-ended"));
    const unknown = Prices.end(none, open.id, { until: at(1), now: at(0) });
    assert.deepEqual(unknown, err({ type: "price-not-found" }));
  });

  test("never overlap, whatever is set", () => {
    const set = fc.tuple(
      fc.integer({ min: 0, max: 30 }),
      fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    );
    fc.assert(
      fc.property(fc.array(set, { maxLength: 20 }), (wanted) => {
        let all = none;
        for (const [from, length] of wanted) {
          const outcome = Prices.set(all, price("1", from, length && from + length), at(0));
          if (outcome.ok) all = outcome.value.state;
        }
        for (let minute = 0; minute < 60; minute += 1) {
          const valid = all.prices.filter(
            ({ validFrom, validUntil }) =>
              validFrom <= at(minute) && (validUntil === undefined || at(minute) < validUntil),
          );
          assert.ok(valid.length <= 1);
        }
      }),
    );
  });
});
