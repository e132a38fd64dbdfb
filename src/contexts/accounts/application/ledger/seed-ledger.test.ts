import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { memorySubject, openBank, read } from "../../testing/fixtures.ts";
import { ListAccounts } from "../accounts/read-accounts.ts";
import { SeedLedger, seedLedger } from "./seed-ledger.ts";
import { GetTrialBalance } from "./read-ledger.ts";

const bytesOf = (text: string) => createHash("sha256").update(text).digest().subarray(0, 16);

test("demo accounts have money, pay each other, and are made once for each seed", async () => {
  await using bank = await openBank(memorySubject);
  const { subject, clock, accounts, as, keeperId } = bank;
  const seed = seedLedger({ ...subject, clock, bytesOf });
  const made = async (input: object) =>
    expect(await seed(read(SeedLedger, { from: 0, until: 9, seed: 1, ...input }), as("system")))
      .made;
  assert.deepEqual([await made({}), await made({}), await made({ until: 12 })], [9, 0, 3]);
  const events = await subject.events();
  const count = (type: string) => events.filter((one) => one === `accounts.${type}`).length;
  assert.deepEqual([count("entry-posted"), count("transfer-posted")], [12, 8]);
  assert.equal(await made({ seed: 2 }), 9);
  const trial = await accounts.getTrialBalance(read(GetTrialBalance, {}), as(keeperId));
  assert.ok(expect(trial).totals.every(({ minor }) => minor === 0n));
  const all = read(ListAccounts, { of: "everybody", limit: 100 });
  const { items } = expect(await accounts.listAccounts(all, as(keeperId)));
  assert.ok(items.every(({ type, posted }) => type === "equity" || posted > 0n));
});
