import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, ok } from "#kernel/result.ts";
import type { OpenCatalog } from "./fixtures.ts";
import { mug, openImports, uploadOf } from "./imports.ts";
import { read } from "./shop.ts";
import { GetStock, ReceiveStock } from "../application/stock/count-stock.ts";
import { GetImport } from "../application/imports/read-imports.ts";

/** That each row of an import is applied once, whoever runs it, races or fails, on every adapter of their repositories. */
export function importRunsContract(name: string, open: OpenCatalog): void {
  const given = () => openImports(open);

  describe(`import runs on ${name}`, () => {
    test("keep the first outcome of a row, whoever settles it again", async () => {
      await using shop = await given();
      const { catalog, subject, admin, receive, outcomes } = shop;
      const { id } = expect(await receive("products", uploadOf([mug])));
      const settle = (outcome: "created" | "refused") =>
        subject.unitOfWork(admin, async ({ imports }) =>
          ok(imports.settle(id, [{ line: 2, outcome }])),
        );
      expect(await settle("created"));
      expect(await settle("refused"));
      assert.deepEqual(await outcomes(id), [[2, "created"]]);
      const { tally } = expect(await catalog.getImport(read(GetImport, { importId: id }), admin));
      assert.deepEqual([tally.created, tally.refused], [1, 0]);
    });

    test("apply no row again of which another process has settled one meanwhile", async () => {
      await using shop = await given();
      const { subject, admin, receive, outcomes } = shop;
      const other = { ...mug, slug: "cup", skus: "CUP" };
      const { id } = expect(await receive("products", uploadOf([mug, other])));
      const areUnsettled = (lines: readonly number[]) =>
        subject.read(admin, ({ imports }) => imports.areUnsettled(id, lines));
      assert.equal(await areUnsettled([2, 3]), true);
      const settle = subject.unitOfWork(admin, async ({ imports }) =>
        ok(imports.settle(id, [{ line: 2, outcome: "unchanged" }])),
      );
      expect(await settle);
      assert.deepEqual([await areUnsettled([2, 3]), await areUnsettled([3])], [false, true]);
      await shop.run();
      assert.deepEqual(await outcomes(id), [
        [2, "unchanged"],
        [3, "created"],
      ]);
      assert.equal((await shop.exported("products")).length, 1);
    });

    test("apply each row once when several processes run them", async () => {
      await using shop = await given();
      const { receive, run, events, outcomes } = shop;
      const rows = Array.from({ length: 60 }, (_, i) => ({
        ...mug,
        slug: `m-${i}`,
        skus: `M${i}`,
      }));
      const { id } = expect(await receive("products", uploadOf(rows)));
      await Promise.all([run(), run(), run()]);
      const settled = await outcomes(id);
      assert.deepEqual(new Set(settled.map(([, outcome]) => outcome)), new Set(["created"]));
      const drafted = (await events()).filter((type) => type === "catalog.product-drafted");
      assert.deepEqual([settled.length, drafted.length], [60, 60]);
    });

    test("are applied by one process at a time: what changes after a row stays changed", async () => {
      const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let isFirst = true;
      await using shop = await openImports(async (clock) => {
        const subject = await open(clock);
        const unitOfWork: typeof subject.unitOfWork = (context, work, options) =>
          subject.unitOfWork(
            context,
            (scope) => {
              const areUnsettled: typeof scope.imports.areUnsettled = async (...asked) => {
                const answer = await scope.imports.areUnsettled(...asked);
                const waits = isFirst;
                isFirst = false;
                begun.resolve();
                if (waits) await end.promise;
                return answer;
              };
              return work({ ...scope, imports: { ...scope.imports, areUnsettled } });
            },
            options,
          );
        return { ...subject, unitOfWork };
      });
      const { id } = expect(await shop.receive("products", uploadOf([mug])));
      const first = shop.run();
      await begun.promise;
      const second = shop.run();
      await sleep(100); // the second one would have applied the row by now
      assert.deepEqual(await shop.outcomes(id), []);
      end.resolve();
      await Promise.all([first, second]);
      assert.deepEqual(await shop.outcomes(id), [[2, "created"]]);
    });

    test("take turns: none waits for the end of another", async () => {
      await using shop = await given();
      const { catalog, receive, admin, clock } = shop;
      const many = Array.from({ length: 200 }, (_, i) => ({
        ...mug,
        slug: `m-${i}`,
        skus: `M${i}`,
      }));
      const long = expect(await receive("products", uploadOf(many)));
      const short = expect(
        await receive("products", uploadOf([{ ...mug, slug: "one", skus: "ONE" }])),
      );
      const tallies = async () => {
        const both = await Promise.all(
          [long, short].map(({ id }) =>
            catalog.getImport(read(GetImport, { importId: id }), admin),
          ),
        );
        return both.map((found) => expect(found).tally.created);
      };
      const system = { actor: "system", correlationId: "task", deadlineMs: admin.deadlineMs };
      const running = catalog.runImports({}, system);
      while ((await tallies())[1] === 0);
      clock.advance(60_000);
      const [ofLong = 0] = await tallies();
      assert.ok(ofLong < 200, `${ofLong} of the long one came first`);
      expect(await running);
      await shop.run();
      assert.deepEqual(await tallies(), [200, 1]);
    });

    test("import the same file once for one idempotency key", async () => {
      await using shop = await given();
      const { receive, run, admin, events } = shop;
      const keyed = { ...admin, idempotency: { key: "one", fingerprint: "import" } };
      const first = expect(await receive("products", uploadOf([mug]), {}, keyed));
      await run();
      const again = expect(await receive("products", uploadOf([mug]), {}, keyed));
      assert.equal(again.id, first.id);
      await run();
      const imports = (await events()).filter((type) => type === "catalog.import-received");
      assert.equal(imports.length, 1);
      await assert.rejects(receive("products", uploadOf([{ ...mug, name: "Other" }]), {}, keyed), {
        name: "IdempotencyKeyReused",
      });
    });

    test("lose no row when the answer to their receipt is lost, and are received once", async () => {
      let isLost = true;
      await using shop = await openImports(async (clock) => {
        const subject = await open(clock);
        const unitOfWork: typeof subject.unitOfWork = async (context, ...work) => {
          const outcome = await subject.unitOfWork(context, ...work);
          if (isLost && context.idempotency) throw new Error("the connection is lost");
          return outcome;
        };
        return { ...subject, unitOfWork };
      });
      const { receive, run, outcomes, admin, subject } = shop;
      const keyed = { ...admin, idempotency: { key: "one", fingerprint: "import" } };
      const once = receive("products", uploadOf([mug]), {}, keyed);
      await assert.rejects(once, /the connection is lost/);
      isLost = false;
      const { id } = expect(await receive("products", uploadOf([mug]), {}, keyed));
      assert.equal(await subject.stagedRows(), 1);
      await run();
      assert.deepEqual(await outcomes(id), [[2, "created"]]);
    });

    test("forget a file that has not arrived whole, and none that has", async () => {
      await using shop = await given();
      const { id } = expect(await shop.receive("products", uploadOf([mug])));
      const discarded = shop.subject.unitOfWork(shop.admin, async ({ imports }) =>
        ok(imports.discard(id)),
      );
      expect(await discarded);
      assert.equal(await shop.subject.stagedRows(), 1);
      await shop.run();
      assert.deepEqual(await shop.outcomes(id), [[2, "created"]]);
    });

    test("do not undo changes that race with them", async () => {
      await using shop = await given();
      const { catalog, admin, receive, bring, run } = shop;
      const skus = Array.from({ length: 20 }, (_, i) => `S${i}`);
      await bring("products", [{ ...mug, skus: skus.join("|") }]);
      const counted = skus.map((sku) => ({ sku, location: "", on_hand: "100" }));
      expect(await receive("stock", uploadOf(counted)));
      const arrived = skus.map((sku) =>
        catalog.receiveStock(read(ReceiveStock, { sku, quantity: 1 }), admin),
      );
      await Promise.all([run(), ...arrived]);
      for (const arrival of arrived) expect(await arrival);
      for (const sku of skus) {
        const [level] = expect(await catalog.getStock(read(GetStock, { sku }), admin));
        assert.ok(level && [100, 101].includes(level.onHand), `${sku} has ${level?.onHand}`);
      }
    });
  });
}
