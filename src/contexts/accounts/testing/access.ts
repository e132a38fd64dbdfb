import assert from "node:assert/strict";
import { Upload, type Access, type Ids } from "#test/access.ts";
import { asAdmin, type Served, type SignedIn } from "#test/basalt.ts";
import { get, post, type At } from "#test/http.ts";
import { alpacaServer } from "../infrastructure/stand-ins/alpaca.ts";
import { until } from "#test/until.ts";
import { ofx } from "./statement-files.ts";

const eur = (amount: string) => ({ amount, currency: "EUR" });

/** Opens a book with one of each thing. */
async function bookOf(served: Served, { headers }: SignedIn): Promise<Ids> {
  const { url } = served;
  const admin = await asAdmin(served);
  const asKeeper = { url, headers: admin.headers };
  const make = async (by: At, path: string, body: object) => {
    const made = await post(by, path, body);
    assert.equal(made.status, 201, `${path}: ${made.text}`);
    return String(made.body["id"]);
  };
  const asOwner = { url, headers };
  const account = { name: "Everyday", type: "checking", currency: "EUR" };
  const accountId = await make(asOwner, "/accounts", account);
  const equityId = await make(asKeeper, "/accounts", { ...account, type: "equity" });
  const entryId = await make(asKeeper, "/entries", {
    postings: [
      { accountId, amount: eur("100") },
      { accountId: equityId, amount: eur("-100") },
    ],
  });
  const lineIds = await statementsOf(asOwner);
  const connected = await connectionOf(asOwner);
  const legs = [{ from: accountId, to: equityId, amount: eur("1") }];
  const transferId = await make(asOwner, "/transfers", { legs, holdS: 3_600 });
  return {
    accountId,
    equityId,
    entryId,
    transferId,
    from: "EUR",
    into: "USD",
    on: "2026-08-20",
    ...lineIds,
    ...connected,
  };
}

const broker = await alpacaServer();
broker.mayEnd();
const connecting = { provider: "alpaca", keys: broker.keys };

/** Connects a broker, whose first sync has ended. */
async function connectionOf(owner: At): Promise<Ids> {
  const made = await post(owner, "/connections", connecting);
  assert.equal(made.status, 201, made.text);
  const connectionId = String(made.body["id"]);
  let syncId = "";
  await until(async () => {
    const { body } = await get(owner, `/connections/${connectionId}/syncs`);
    const [first] = body["items"] as readonly Readonly<Record<string, string>>[];
    syncId = String(first?.["id"]);
    return first?.["status"] === "succeeded";
  });
  return { connectionId, syncId };
}

const coffee = { id: "1", date: "2026-08-03", amount: "-4.50" };

/** Imports a file, and another one with a doubtful row. */
async function statementsOf(owner: At): Promise<Ids> {
  const importOf = async (content: string) => {
    const answer = await fetch(`${owner.url}/api/v1/imports/statements`, {
      method: "POST",
      headers: { ...owner.headers, "content-type": "application/x-ofx" },
      body: content,
    });
    assert.equal(answer.status, 202, await answer.clone().text());
    const { id } = (await answer.json()) as { readonly id: string };
    await until(async () => {
      const { body } = await get(owner, `/imports/statements/${id}`);
      return body["status"] === "finished";
    });
    const { body } = await get(owner, `/imports/statements/${id}/rows`);
    const [row] = body["items"] as readonly Readonly<Record<string, string>>[];
    return { id, row };
  };
  const first = await importOf(ofx({ rows: [coffee] }));
  const second = await importOf(ofx({ rows: [{ ...coffee, amount: "-5.50" }] }));
  return {
    statementImportId: first.id,
    lineId: String(first.row?.["lineId"]),
    observationId: String(second.row?.["id"]),
  };
}

export const access: Access = {
  env: { BASALT_ALPACA_URL: broker.url },
  open: [],
  everybodys: [
    "POST /api/v1/accounts",
    "GET /api/v1/accounts",
    "GET /api/v1/accounts/changes",
    "POST /api/v1/imports/statements",
    "GET /api/v1/imports/statements",
    "GET /api/v1/matches",
    "GET /api/v1/quarantine",
    "GET /api/v1/providers",
    "POST /api/v1/connections",
    "GET /api/v1/connections",
    "GET /api/v1/net-worth",
  ],
  bodies: {
    "POST /api/v1/accounts": { name: "Mine", type: "checking", currency: "EUR" },
    "GET /api/v1/accounts": undefined,
    "GET /api/v1/accounts/changes": undefined,
    "GET /api/v1/imports/statements": undefined,
    "GET /api/v1/matches": undefined,
    "GET /api/v1/quarantine": undefined,
    "GET /api/v1/accounts/{accountId}": undefined,
    "PATCH /api/v1/accounts/{accountId}": { name: "Mine now" },
    "POST /api/v1/accounts/{accountId}/deactivation": undefined,
    "DELETE /api/v1/accounts/{accountId}/deactivation": undefined,
    "GET /api/v1/accounts/{accountId}/balance": undefined,
    "GET /api/v1/accounts/{accountId}/postings": undefined,
    "POST /api/v1/entries": { postings: [] },
    "POST /api/v1/exchanges": ({ accountId, equityId }) => ({
      from: accountId,
      amount: eur("1"),
      to: [{ accountId: equityId }],
      rate: "1.1",
      source: "test",
      quotedAt: "2026-01-01T00:00:00Z",
    }),
    "GET /api/v1/entries/{entryId}": undefined,
    "POST /api/v1/entries/{entryId}/reversal": {},
    "GET /api/v1/trial-balance": undefined,
    "GET /api/v1/exports/ledger": undefined,
    "POST /api/v1/transfers": ({ accountId, equityId }) => ({
      legs: [{ from: accountId, to: equityId, amount: eur("0.01") }],
    }),
    "GET /api/v1/accounts/{accountId}/transfers": undefined,
    "GET /api/v1/transfers/{transferId}": undefined,
    "POST /api/v1/transfers/{transferId}/posting": {},
    "POST /api/v1/transfers/{transferId}/voiding": undefined,
    "POST /api/v1/imports/statements": new Upload(ofx({ rows: [coffee] })),
    "GET /api/v1/imports/statements/{statementImportId}": undefined,
    "GET /api/v1/imports/statements/{statementImportId}/progress": undefined,
    "GET /api/v1/imports/statements/{statementImportId}/rows": undefined,
    "POST /api/v1/imports/statements/{statementImportId}/undoing": undefined,
    "DELETE /api/v1/imports/statements/{statementImportId}/undoing": undefined,
    "POST /api/v1/imports/statements/{statementImportId}/replay": undefined,
    "POST /api/v1/matches/{observationId}/decision": { decision: "ignore" },
    "GET /api/v1/accounts/{accountId}/transactions": undefined,
    "GET /api/v1/transactions/{lineId}": undefined,
    "GET /api/v1/accounts/{accountId}/balances": undefined,
    "GET /api/v1/accounts/{accountId}/holdings": undefined,
    "POST /api/v1/accounts/{accountId}/reconciliations": { on: "2026-08-20" },
    "GET /api/v1/accounts/{accountId}/reconciliations": undefined,
    "DELETE /api/v1/accounts/{accountId}/reconciliations/{on}": undefined,
    "GET /api/v1/net-worth": undefined,
    "PUT /api/v1/rates/{from}/{into}": {
      rate: "1.1",
      source: "test",
      quotedAt: "2026-01-01T00:00:00Z",
    },
    "GET /api/v1/providers": undefined,
    "POST /api/v1/connections": connecting,
    "GET /api/v1/connections": undefined,
    "GET /api/v1/connections/{connectionId}": undefined,
    "POST /api/v1/connections/{connectionId}/reauthorization": { keys: broker.keys },
    "POST /api/v1/connections/callback": ({ connectionId }) => ({
      state: `${connectionId}.state`,
      code: "code",
    }),
    "DELETE /api/v1/connections/{connectionId}": undefined,
    "POST /api/v1/connections/{connectionId}/syncs": undefined,
    "GET /api/v1/connections/{connectionId}/syncs": undefined,
    "GET /api/v1/syncs/{syncId}": undefined,
    "GET /api/v1/syncs/{syncId}/progress": undefined,
  },
  ownersOnly: [],
  thingsOf: bookOf,
};
