import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import nock from "nock";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { testContext } from "#test/context.ts";
import { ProductId } from "../domain/ids.ts";
import { Sku } from "../domain/sku.ts";
import { httpLevelSource, httpPriceSource } from "./http-parts.ts";

/**
 * What a real Basalt answered, word for word. To record anew: `npm start` on an empty folder, `npm
 * run -s basalt -- seed --products 20`, then this test with `BASALT_RECORD=1`.
 */
const folder = path.join(import.meta.dirname, "../../../../test/cassettes");
const recording = process.env["BASALT_RECORD"] === "1";
const secret = /^(authorization|cookie|set-cookie|x-api-key)$/i;

/** Fields and parameters that hold secrets, as in `"refreshToken": "…"` and `token=…`. */
const secretField = /("\w*(?:password|token|secret|apiKey|api_key|code)"\s*:\s*)"[^"]*"/gi;
const secretParameter = /\b(\w*(?:password|token|secret|api_key|code)=)[^&"\s]*/gi;
const masked = <T>(part: T): T =>
  JSON.parse(
    JSON.stringify(part).replaceAll(secretField, '$1"***"').replaceAll(secretParameter, "$1***"),
  ) as T;

/** No secret gets onto a cassette, and nothing that is another one each time. */
const filtered = (recorded: nock.Definition[]): nock.Definition[] =>
  recorded.map(({ reqheaders = {}, ...rest }) => ({
    ...masked(rest),
    rawHeaders: {}, // dates and request ids
    reqheaders: Object.fromEntries(
      Object.entries(reqheaders).map(([name, value]) => [name, secret.test(name) ? "***" : value]),
    ),
  }));

test("no secret of a header, a body, a query or an answer gets onto a cassette", () => {
  const recorded = {
    scope: "http://127.0.0.1",
    method: "POST",
    path: "/sessions?token=s3cret1&page=2",
    body: { email: "a@b.example", password: "s3cret2" },
    reqheaders: { authorization: "Bearer s3cret3", accept: "x" },
    response: { accessToken: "s3cret4", items: [{ client_secret: "s3cret5", name: "kept" }] },
  } as unknown as nock.Definition;
  const kept = JSON.stringify(filtered([recorded]));
  assert.doesNotMatch(kept, /s3cret/);
  for (const part of ["page=2", "a@b.example", "kept"]) assert.ok(kept.includes(part), part);
});

const baseUrl = "http://127.0.0.1:3000/api/v1";
const sku = expect(Sku.parse("DEMO1-0-45CM"));
const product = { productId: newId(ProductId), skus: async () => [sku] };
const at = expect(Instant.parse("2100-01-01T00:00:00Z"));

async function playing<T>(
  name: string,
  play: () => Promise<T>,
  mode: nock.BackMode = recording ? "update" : "lockdown",
): Promise<T> {
  nock.back.fixtures = folder;
  nock.back.setMode(mode);
  const { nockDone } = await nock.back(name, {
    recorder: { enable_reqheaders_recording: true },
    afterRecord: filtered,
  });
  try {
    return await play();
  } finally {
    nockDone();
  }
}

describe("recorded answers of another Basalt", () => {
  const asked = () => ({
    baseUrl,
    upstream: upstream({ name: "x", clock, metrics: createMetrics() }),
  });
  after(() => {
    nock.back.setMode("wild");
    nock.restore();
  });

  test("are read as stock", async () => {
    const levels = await playing("stock.json", () =>
      httpLevelSource(asked())(product, testContext()),
    );
    assert.equal(levels.length, 1);
    assert.deepEqual([levels[0]?.sku, levels[0]?.location, levels[0]?.reserved], [sku, "main", 0]);
  });

  test("are read as prices", async () => {
    const prices = await playing("prices.json", () =>
      httpPriceSource(asked())({ ...product, at, filter: {} }, testContext()),
    );
    assert.deepEqual(
      prices.map(({ minimumQuantity, price: { currency } }) => [minimumQuantity, currency]),
      [
        [1, "EUR"],
        [10, "EUR"],
      ],
    );
  });

  test("are all there is: nothing else leaves the test", async () => {
    const other = { ...asked(), baseUrl: "http://127.0.0.1:3001/api/v1" };
    const ask = () => httpLevelSource(other)(product, testContext());
    await assert.rejects(playing("stock.json", ask, "lockdown"), Unavailable);
  });

  test("hold no secret", () => {
    const [kept] = filtered([
      { scope: baseUrl, path: "/", reqheaders: { Authorization: "Bearer x", accept: "y" } },
    ]);
    assert.deepEqual(kept?.reqheaders, { Authorization: "***", accept: "y" });
    for (const name of ["stock.json", "prices.json"])
      assert.doesNotMatch(readFileSync(path.join(folder, name), "utf8"), /bearer|set-cookie/i);
  });
});
