import assert from "node:assert/strict";
import type { Access, Ids } from "#test/access.ts";
import { asAdmin, type Served, type SignedIn } from "#test/basalt.ts";
import { post, type At } from "#test/http.ts";

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
  const legs = [{ from: accountId, to: equityId, amount: eur("1") }];
  const transferId = await make(asOwner, "/transfers", { legs, holdS: 3_600 });
  return { accountId, equityId, entryId, transferId };
}

export const access: Access = {
  open: [],
  everybodys: ["POST /api/v1/accounts", "GET /api/v1/accounts", "GET /api/v1/accounts/changes"],
  bodies: {
    "POST /api/v1/accounts": { name: "Mine", type: "checking", currency: "EUR" },
    "GET /api/v1/accounts": undefined,
    "GET /api/v1/accounts/changes": undefined,
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
  },
  ownersOnly: [],
  thingsOf: bookOf,
};
