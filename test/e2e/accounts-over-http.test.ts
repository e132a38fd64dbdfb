import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { asAdmin, serve, signUp } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { get, post, send, type At } from "../support/http.ts";
import { until } from "../support/until.ts";

const eur = (amount: string) => ({ amount, currency: "EUR" });

/** A Basalt with a bookkeeper, and two people. */
async function open() {
  const served = await serve();
  const { url } = served;
  const keeper = { url, headers: (await asAdmin(served)).headers };
  const person = async (email: string) => {
    const signedIn = await signUp(served, email);
    await verify(served, email, signedIn); // roles count from then on
    return { url, headers: signedIn.headers };
  };
  const [ada, bob] = [await person("ada@example.com"), await person("bob@example.com")];
  return Object.assign(served, { keeper, ada, bob });
}

type Followed = { readonly name: string; readonly data: Readonly<Record<string, unknown>> };

/** Reads the stream of an owner until it ends, or is left. */
async function follow({ url, headers }: At) {
  const stop = new AbortController();
  const stream = await fetch(`${url}/api/v1/accounts/changes`, { headers, signal: stop.signal });
  assert.match(stream.headers.get("content-type") ?? "", /^text\/event-stream/);
  const events: Followed[] = [];
  const reading = async () => {
    let text = "";
    for await (const part of stream.body ?? []) {
      const blocks = (text + Buffer.from(part).toString()).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        if (name !== undefined)
          events.push({ name, data: JSON.parse(data ?? "{}") as object as Followed["data"] });
      }
    }
    return "ended";
  };
  const ended = reading().catch(() => "cut off");
  return {
    events,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

describe("accounts over HTTP", () => {
  let bank: Awaited<ReturnType<typeof open>>;
  before(async () => {
    bank = await open();
  });
  after(() => bank[Symbol.asyncDispose]());

  const account = async (by: At, more: object = {}) => {
    const body = { name: "Everyday", type: "checking", currency: "EUR", ...more };
    const opened = await post(by, "/accounts", body);
    assert.equal(opened.status, 201, opened.text);
    return String(opened.body["id"]);
  };

  /** Accounts of Ada, with 100 EUR on it, and of Bob. */
  async function given() {
    const { ada, bob, keeper } = bank;
    const equity = await account(keeper, { type: "equity" });
    const [from, to] = [await account(ada), await account(bob)];
    const postings = [
      { accountId: equity, amount: eur("-100") },
      { accountId: from, amount: eur("100") },
    ];
    const entry = await post(keeper, "/entries", { postings, memo: "opening balance" });
    assert.equal(entry.status, 201, entry.text);
    return { ...bank, from, to, entryId: String(entry.body["id"]) };
  }
  test("a user pays another one, and both see it on their statements", async () => {
    const { ada, bob, from, to } = await given();
    const id = "transfer_01kbx3vdemfhvs0ve6sqx0wzyz";
    const body = { id, legs: [{ from, to, amount: eur("12.50") }], memo: "lunch", tags: ["food"] };
    const paid = await post(ada, "/transfers", body);
    assert.equal(paid.status, 201, paid.text);
    const { entryId, moved } = paid.body;
    assert.deepEqual(moved, body.legs);

    const again = await post(ada, "/transfers", body);
    assert.deepEqual([again.status, again.body], [201, { ...paid.body, isRepeated: true }]);
    const other = await post(ada, "/transfers", { ...body, memo: "dinner" });
    assert.equal(other.status, 409);
    assert.match(other.text, /"TRANSFER_EXISTS".*"differs":\["memo"\]/);

    const { body: balance } = await get(bob, `/accounts/${to}/balance`);
    assert.deepEqual(balance, { posted: eur("12.50"), held: eur("0.00"), available: eur("12.50") });
    const statement = await get(ada, `/accounts/${from}/postings?limit=1`);
    const [line] = statement.body["items"] as readonly Record<string, unknown>[];
    assert.deepEqual(
      [
        line?.["entryId"],
        line?.["transferId"],
        line?.["amount"],
        line?.["balance"],
        line?.["memo"],
      ],
      [entryId, id, eur("-12.50"), eur("87.50"), "lunch"],
    );
    const next = await get(
      ada,
      `/accounts/${from}/postings?cursor=${String(statement.body["nextCursor"])}`,
    );
    assert.match(next.text, /"memo":"opening balance"/);
    assert.equal((await get(bob, `/transfers/${id}`)).status, 200);
    assert.equal((await get(bob, `/accounts/${from}`)).status, 403);
  });

  test("a hold expires by itself", async () => {
    const { ada, from, to } = await given();
    const legs = [{ from, to, amount: eur("80") }];
    const held = await post(ada, "/transfers", { legs, holdS: 1 });
    assert.equal(held.status, 201, held.text);
    const available = async () => {
      const { body } = await get(ada, `/accounts/${from}/balance`);
      return (body["available"] as { readonly amount: string }).amount;
    };
    assert.equal(await available(), "20.00");
    await until(async () => (await available()) === "100.00");
    const late = await post(ada, `/transfers/${String(held.body["id"])}/posting`, {});
    assert.equal(late.status, 409);
    assert.match(late.text, /"TRANSFER_RESOLVED".*"status":"expired"/);
  });

  test("an account is edited and closed at the version that its owner saw", async () => {
    const { ada, url } = bank;
    const id = await account(ada);
    const change = (method: string, path: string, version: string, body?: object) =>
      send(
        method,
        `${url}/api/v1/accounts/${id}${path}`,
        { ...ada.headers, "if-match": version },
        body,
      );
    assert.equal((await change("PATCH", "", '"1"', { name: "Savings" })).status, 200);
    assert.equal((await change("PATCH", "", '"1"', { name: "Other" })).status, 412);
    const closed = await change("POST", "/deactivation", '"2"');
    assert.deepEqual([closed.status, closed.headers.get("etag")], [200, '"3"']);
    assert.equal((await change("DELETE", "/deactivation", '"3"')).status, 200);
    const { text } = await get(ada, "/accounts?status=active");
    assert.match(text, new RegExp(id));
  });

  test("amounts that are none are refused and name their place", async () => {
    const { ada, from, to } = await given();
    for (const amount of ["1e3", "NaN", "0.001", "1".padEnd(31, "0"), "", " 1", "1,5", 5, null]) {
      const legs = [{ from, to, amount: { amount, currency: "EUR" } }];
      const refused = await post(ada, "/transfers", { legs });
      assert.ok([400, 422].includes(refused.status), `${amount}: ${refused.text}`);
      assert.match(refused.text, /"\/legs\/0\/amount\/amount"/);
    }
  });

  test("a bookkeeper reverses an entry, and the book balances", async () => {
    const { keeper, ada, from, entryId } = await given();
    const reversed = await post(keeper, `/entries/${entryId}/reversal`, { memo: "by mistake" });
    assert.deepEqual([reversed.status, reversed.body["reverses"]], [201, entryId]);
    const entry = await get(keeper, `/entries/${entryId}`);
    assert.equal(entry.body["isReversed"], true);
    const { body } = await get(ada, `/accounts/${from}`);
    assert.deepEqual(body["posted"], eur("0.00"));
    const trial = await get(keeper, "/trial-balance");
    assert.deepEqual(trial.body["totals"], [eur("0.00")]);
  });

  test("an owner follows their accounts, whose changes arrive at once", async () => {
    const { ada, from, to } = await given();
    await using followed = await follow(ada);
    const { events } = followed;
    const heard = (id: string, amount: string) =>
      events.some(
        ({ data }) => data["id"] === id && JSON.stringify(data["posted"]).includes(amount),
      );
    await until(() => heard(from, '"100.00"'));
    const told = events.find(({ data }) => data["id"] === from);
    assert.deepEqual(told?.data, (await get(ada, `/accounts/${from}`)).body);
    const legs = [{ from, to, amount: eur("12.50") }];
    const made = await post(ada, "/transfers", { legs });
    assert.equal(made.status, 201);
    await until(() => heard(from, '"87.50"'));
    const { id } = made.body;
    await until(() => events.some(({ name, data }) => name === "transfer" && data["id"] === id));
  });

  test("nothing is told once the session has ended", async () => {
    const eve = await signUp(bank, "eve@example.com");
    await verify(bank, "eve@example.com", eve);
    const at = { url: bank.url, headers: eve.headers };
    const id = await account(at);
    await using followed = await follow(at);
    await until(() => followed.events.length === 1);
    const ended = await send(
      "DELETE",
      `${bank.url}/api/v1/users/${eve.userId}/sessions`,
      eve.headers,
    );
    assert.equal(ended.status, 204);
    const { keeper } = bank;
    const equity = await account(keeper, { type: "equity" });
    const legs = [{ from: equity, to: id, amount: eur("1") }];
    assert.equal((await post(keeper, "/transfers", { legs })).status, 201);
    assert.equal(await followed.ended, "ended");
    assert.equal(followed.events.length, 1);
  });

  test("a server that stops ends the streams that it has, also just after a change", async () => {
    await using served = await open();
    const id = await account(served.ada);
    await using followed = await follow(served.ada);
    await until(() => followed.events.length === 1);
    const equity = await account(served.keeper, { type: "equity" });
    const legs = [{ from: equity, to: id, amount: eur("1") }];
    await post(served.keeper, "/transfers", { legs });
    await until(() => followed.events.length === 3);
    await served[Symbol.asyncDispose]();
    assert.equal(await followed.ended, "ended", "and was not cut off");
  });

  test("the book is exported in each format, with a name and a type of its own", async () => {
    const { keeper, entryId } = await given();
    for (const [format, type, name] of [
      ["hledger", "text/plain; charset=utf-8", "ledger.journal"],
      ["beancount", "text/plain; charset=utf-8", "ledger.beancount"],
      ["csv", "text/csv; charset=utf-8", "ledger.csv"],
      ["ofx", "application/x-ofx", "ledger.ofx"],
    ]) {
      const url = `${keeper.url}/api/v1/exports/ledger?format=${format}`;
      const answer = await fetch(url, { headers: keeper.headers });
      const disposition = answer.headers.get("content-disposition");
      assert.equal(disposition, `attachment; filename="${name}"`);
      assert.equal(answer.headers.get("content-type"), type);
      assert.match(await answer.text(), new RegExp(entryId));
    }
    assert.equal((await get(keeper, "/exports/ledger?format=pdf")).status, 400);
  });

  test("the database refuses an entry that does not balance, and changes of the journal", async () => {
    const { opened, from } = await given();
    const movement = `insert into accounts.movements select account_id, sequence + 1, recorded_at, date, entry_id,
      9::smallint, transfer_id, currency, 1, 0, posted_after + 1, held_after from accounts.movements where account_id = '${from}'`;
    await assert.rejects(opened.sql(movement), /does not balance/);
    for (const sql of [
      "update accounts.movements set amount = 1",
      "update accounts.entries set date = date + 1",
      "delete from accounts.entries",
      "truncate accounts.movements",
    ])
      await assert.rejects(opened.sql(sql), /append-only/);
  });
});
