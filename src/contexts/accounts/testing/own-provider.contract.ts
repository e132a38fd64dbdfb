import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { standIn, type Asked, type Answered } from "../infrastructure/stand-ins/stand-in.ts";
import { ConnectProvider } from "../application/connections/connect-provider.ts";
import { openSyncing } from "./broker.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { piggy } from "./providers/piggy.ts";

const secret = "s3cret";

/** Piggy's server: three moves a page. */
const serverOf =
  (sweets: { price: number }) =>
  ({ url, headers }: Asked): Answered => {
    if (headers.authorization !== `Bearer ${secret}`) return [401, {}];
    if (url.pathname === "/balance") return [200, { euros: 21.5 }];
    const moves = Array.from({ length: 7 }, (_, i) => ({
      no: i + 1,
      day: `2026-01-0${i + 1}`,
      euros: i === 3 ? -sweets.price : 4,
      what: i === 3 ? "Sweets" : "Pocket money",
    }));
    const page = Number(url.searchParams.get("page"));
    return [200, moves.slice((page - 1) * 3, page * 3)];
  };

/** On every adapter, a provider that the guide adds is one file. */
export function ownProviderContract(name: string, open: OpenAccounts): void {
  describe(`the provider of the guide on ${name}`, () => {
    test("is connected, its moves are lines, once, and another amount corrects a line", async () => {
      const sweets = { price: 2.5 };
      await using server = await standIn({ answered: serverOf(sweets) });
      await using house = await openSyncing(open, (clock) => [
        piggy({ baseUrl: server.url, clock, metrics: createMetrics() }),
      ]);
      const connect = (key: string) =>
        house.accounts.connectProvider(
          read(ConnectProvider, { provider: "piggy", keys: { id: "me", secret: key } }),
          house.as(house.adaId),
        );
      const refused = await connect("wrong");
      assert.equal(!refused.ok && refused.error.type, "keys-refused");
      const { id } = expect(await connect(secret)).connection;
      assert.equal((await house.synced(id)).status, "succeeded");
      assert.equal((await house.again(id)).status, "succeeded");
      sweets.price = 3;
      const corrected = await house.again(id);
      assert.equal((await house.got(corrected.importId)).tally.updated, 1);
      const { mirror, lines } = await house.booked();
      assert.deepEqual([mirror.name, mirror.posted, lines.length], ["Piggy savings", 2_100n, 7]);
    });
  });
}

/** The guide shows the file as it is among the providers of `infrastructure/`. */
export function ownProviderGuide(): void {
  test("the guide of one's own provider has the file that the tests play", async () => {
    const at = (...parts: readonly string[]) => path.join(import.meta.dirname, ...parts);
    const code = (await readFile(at("providers/piggy.ts"), "utf8"))
      .replaceAll("../../infrastructure/providers/", "./")
      .replaceAll("../../infrastructure/", "../");
    const guide = await readFile(at("../../../../docs/guides/your-own-provider.md"), "utf8");
    assert.ok(
      guide.includes(code),
      "docs/guides/your-own-provider.md differs from testing/providers/piggy.ts",
    );
  });
}
