import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ofx, type BankRow } from "../../src/contexts/accounts/testing/statement-files.ts";
import { serve, signUp, type Served, type SignedIn } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { ask, get, post, type At } from "../support/http.ts";
import { until } from "../support/until.ts";

const coffee = { id: "1", date: "2026-08-03", amount: "-4.50", name: "Blue Coffee" };
const pay = { id: "2", date: "2026-08-02", amount: "2500.00", name: "Employer" };
type Listed = { readonly items: readonly Readonly<Record<string, unknown>>[] };

describe("statements over HTTP", () => {
  let served: Served & AsyncDisposable;
  let ada: SignedIn;
  let at: At;
  before(async () => {
    served = await serve();
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    at = { url: served.url, headers: ada.headers };
  });
  after(() => served[Symbol.asyncDispose]());

  const send = (body: string, query = "", headers: object = {}) =>
    fetch(`${served.url}/api/v1/imports/statements${query}`, {
      method: "POST",
      headers: { ...ada.headers, "content-type": "application/x-ofx", ...headers },
      body,
    });
  const itemsOf = async (path: string) => ((await get(at, path)).body as unknown as Listed).items;
  async function imported(body: string, query = "") {
    const answer = await send(body, query);
    assert.equal(answer.status, 202, await answer.clone().text());
    const location = answer.headers.get("location") ?? "";
    const { id } = (await answer.json()) as { readonly id: string };
    assert.ok(location.endsWith(`/imports/statements/${id}`));
    await until(async () => {
      const { body: now } = await get(at, `/imports/statements/${id}`);
      return now["status"] === "finished";
    });
    return (await get(at, `/imports/statements/${id}`)).body;
  }

  test("a file becomes transactions, a balance and its difference", async () => {
    const file = ofx({ rows: [coffee, pay], balance: ["2600.00", "2026-08-20"] });
    const told = await imported(file);
    assert.deepEqual([told["created"], told["rows"]], [2, 2]);
    const [statement] = told["statements"] as readonly { readonly accountId: string }[];
    const accountId = statement?.accountId ?? "";
    const { body: account } = await get(at, `/accounts/${accountId}`);
    assert.deepEqual(account["posted"], { amount: "2600.00", currency: "USD" });
    assert.equal(account["provider"], "bank");
    const [newest] = await itemsOf(`/accounts/${accountId}/transactions?limit=1`);
    assert.deepEqual(
      [newest?.["counterparty"], newest?.["amount"]],
      ["Blue Coffee", { amount: "-4.50", currency: "USD" }],
    );
    const { body: chain } = await get(at, `/transactions/${String(newest?.["id"])}`);
    assert.equal((chain["observations"] as readonly object[]).length, 1);
    const [balance] = await itemsOf(`/accounts/${accountId}/balances`);
    assert.deepEqual(balance?.["difference"], { amount: "0.00", currency: "USD" });
    const progress = await fetch(
      `${served.url}/api/v1/imports/statements/${String(told["id"])}/progress`,
      { headers: ada.headers },
    );
    assert.match(await progress.text(), /^event: finished\ndata: /);
  });

  test("a doubtful row says why, and is decided", async () => {
    await imported(ofx({ rows: [{ ...coffee, amount: "-9.99" }] }));
    const [doubt] = await itemsOf("/matches");
    const suspects = doubt?.["suspects"] ?? [];
    const [suspect] = suspects as readonly Readonly<Record<string, unknown>>[];
    assert.deepEqual(suspect?.["because"], ["same-id", "other-content"]);
    const decided = await post(at, `/matches/${String(doubt?.["id"])}/decision`, {
      decision: "same",
      lineId: suspect?.["lineId"],
    });
    assert.deepEqual([decided.status, decided.body["outcome"]], [200, "updated"]);
    assert.deepEqual(await itemsOf("/matches"), []);
  });

  test("the same key with the same file is one import", async () => {
    const file = ofx({ rows: [{ ...coffee, id: "77", date: "2026-08-09" }] });
    const headers = { "idempotency-key": "statement-1" };
    const ids = [];
    for (const _ of [1, 2])
      ids.push(((await (await send(file, "", headers)).json()) as { id: string }).id);
    assert.equal(ids[0], ids[1]);
    const other = await send(ofx({ rows: [pay] }), "", headers);
    assert.equal(other.status, 422);
  });

  test("what is no statement is refused in words", async () => {
    for (const [body, status, detail] of [
      ["hello;world\n1;2\n", 422, /columns unknown; columns hello, world/],
      [ofx({ rows: [coffee] }).slice(0, -20), 422, /broken off/],
      ["date,amount\n2026-01-01,1\n", 422, /account unknown/],
    ] as const) {
      const answer = await send(body);
      assert.equal(answer.status, status);
      assert.match(((await answer.json()) as { readonly detail: string }).detail, detail);
    }
    const json = await post(at, "/imports/statements", {});
    assert.equal(json.status, 415);
  });

  test("transfers that name a mirror are refused", async () => {
    const accounts = await itemsOf("/accounts");
    const mirror = accounts.find(({ provider }) => provider === "bank");
    const legs = [
      { from: mirror?.["id"], to: mirror?.["id"], amount: { amount: "1.00", currency: "USD" } },
    ];
    const mine = await post(at, "/accounts", { name: "Own", type: "cash", currency: "USD" });
    const answer = await post(at, "/transfers", {
      legs: legs.map((leg) => ({ ...leg, to: mine.body["id"] })),
    });
    assert.deepEqual([answer.status, answer.body["code"]], [409, "ACCOUNT_ELSEWHERE"]);
  });

  test("a balance that differs says by how much, and one that is agreed keeps late rows out", async () => {
    const file = (rows: readonly BankRow[]) =>
      ofx({ rows, balance: ["100.00", "2026-08-20"], account: "999" });
    const told = await imported(file([coffee]));
    const [statement] = told["statements"] as readonly { readonly accountId: string }[];
    const path = `/accounts/${statement?.accountId}/reconciliations`;
    const balance = { amount: "101.00", currency: "USD" };
    const wrong = await post(at, path, { on: "2026-08-20", balance });
    assert.deepEqual([wrong.status, wrong.body["code"]], [409, "BALANCE_DIFFERS"], wrong.text);
    assert.deepEqual(wrong.body["details"], {
      stated: balance,
      derived: { amount: "100.00", currency: "USD" },
      difference: { amount: "1.00", currency: "USD" },
    });
    assert.equal((await post(at, path, { on: "2026-08-20" })).status, 201);
    const account = (await get(at, `/accounts/${statement?.accountId}`)).body;
    assert.equal(account["reconciledUntil"], "2026-08-20");
    const late = await imported(file([{ ...coffee, id: "late", amount: "-1.00" }]));
    assert.equal(late["quarantined"], 1);
    const [row] = await itemsOf("/quarantine");
    assert.deepEqual(row?.["accountId"], statement?.accountId);
    const gone = await ask(at, "DELETE", `${path}/2026-08-20`);
    assert.deepEqual([gone.status, gone.body["reconciledUntil"]], [200, undefined]);
  });
});
