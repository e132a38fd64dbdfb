import assert from "node:assert/strict";
import { test } from "node:test";
import {
  alpacaServer,
  deposits,
} from "../../src/contexts/accounts/infrastructure/stand-ins/alpaca.ts";
import { launch, scratch, signUp } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { get, post } from "../support/http.ts";
import { until } from "../support/until.ts";

test("a server that is killed in the midst of a sync loses no row, and doubles none", async () => {
  await using broker = await alpacaServer();
  broker.activities.push(...deposits(2_000, "2026-01-01T00:00:00Z"));
  broker.timing.answerMs = 60;
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path, BASALT_ALPACA_URL: broker.url };

  await using first = launch(["start"], env);
  const url = await first.url;
  const ada = await signUp({ url }, "ada@example.com");
  await verify({ url, folder: folder.path }, "ada@example.com", ada);
  const made = await post({ url, headers: ada.headers }, "/connections", {
    provider: "alpaca",
    keys: broker.keys,
  });
  assert.equal(made.status, 201, made.text);
  await until(() => broker.asked.length > 8);
  first.child.kill("SIGKILL");
  await first.ended;
  const pages = broker.asked.length;

  await using second = launch(["start"], env);
  const at = { url: await second.url, headers: ada.headers };
  const syncs = async () =>
    (await get(at, `/connections/${String(made.body["id"])}/syncs`)).body["items"] as readonly {
      readonly status: string;
      readonly rows: number;
    }[];
  await until(async () => (await syncs())[0]?.status === "succeeded");

  const run = await syncs();
  assert.deepEqual([run.length, run[0]?.rows], [1, 2_000]);
  assert.ok(broker.asked.length < pages + 21, "it goes on where it was");
  const accounts = (await get(at, "/accounts")).body["items"] as readonly Readonly<
    Record<string, unknown>
  >[];
  assert.deepEqual(accounts[0]?.["posted"], { amount: "1000.00", currency: "USD" });
  const all = `/accounts/${String(accounts[0]?.["id"])}/transactions?limit=1000`;
  const { body: one } = await get(at, all);
  const { body: two } = await get(at, `${all}&cursor=${String(one["nextCursor"])}`);
  const lines = [one, two].flatMap(({ items }) => items as readonly { counterparty: string }[]);
  assert.equal(new Set(lines.map(({ counterparty }) => counterparty)).size, 2_000);
  assert.deepEqual([lines.length, two["nextCursor"]], [2_000, undefined]);
});
