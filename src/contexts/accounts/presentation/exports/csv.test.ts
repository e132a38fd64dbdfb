import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { expect } from "#kernel/result.ts";
import { eur, memorySubject, openBank } from "../../testing/fixtures.ts";
import { formats } from "./export.ts";

test("the journal as CSV has a row for each posting, and no formula", async () => {
  await using bank = await openBank(memorySubject);
  const { accounts, as, keeperId, equity, post } = bank;
  const { id } = await bank.opened(bank.adaId, { name: "=1+1" });
  const postings = [
    { accountId: equity.id, amount: eur("-12.50") },
    { accountId: id, amount: eur("12.50") },
  ];
  const entry = expect(await post(postings, { memo: '+49 "a"; b, c', tags: ["x:1", "y"] }));
  const exported = expect(await accounts.exportLedger({ format: "csv" }, as(keeperId)));
  let text = "";
  for await (const part of formats.csv.textOf(exported)) text += part;
  const rows = parse(text, { columns: true }) as readonly Record<string, string>[];
  assert.deepEqual(
    rows.map((row) => [row["account"], row["account_name"], row["amount"], row["currency"]]),
    [
      [equity.id, "Equity", "-12.50", "EUR"],
      [id, "'=1+1", "12.50", "EUR"],
    ],
  );
  const [first] = rows;
  assert.deepEqual(
    [first?.["entry"], first?.["date"], first?.["memo"], first?.["tags"], first?.["transfer"]],
    [entry.id, entry.date, `'+49 "a"; b, c`, "x:1 y", ""],
  );
});
