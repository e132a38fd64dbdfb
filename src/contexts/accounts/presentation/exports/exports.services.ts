import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { scratch } from "#test/basalt.ts";
import { ListAccounts } from "../../application/accounts/read-accounts.ts";
import type { ExportFormat } from "../../application/ledger/export-ledger.ts";
import { MakeExchange } from "../../application/ledger/make-exchange.ts";
import { GetStatement, GetTrialBalance } from "../../application/ledger/read-ledger.ts";
import { memorySubject, openBank, read, type Bank } from "../../testing/fixtures.ts";
import { formats } from "./export.ts";

const currencies = ["EUR", "JPY", "KWD"] as const;
const runs = 20;

/** Money of one account of a currency to another of it, held at first, reversed at last, or neither; or to one of the next currency. */
const step = fc.record({
  currency: fc.nat({ max: 2 }),
  from: fc.nat({ max: 2 }),
  to: fc.nat({ max: 2 }),
  minor: fc.bigInt({ min: 1n, max: 10n ** 15n }),
  memo: fc.constantFrom(undefined, "rent; again | more", "(odd) name", "déjà vu"),
  how: fc.constantFrom("at once", "held", "reversed", "exchanged"),
});

async function playing(
  bank: Bank,
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
) {
  const { keeperId, accounts, as } = bank;
  const books = await Promise.all(
    currencies.map((currency) =>
      Promise.all(
        ["checking", "loan", "income"].map((type) =>
          bank.opened(keeperId, { type, currency, overdraft: null }),
        ),
      ),
    ),
  );
  for (const { currency, from, to, minor, memo, how } of steps) {
    const book = books[currency] ?? [];
    const amount = Money.spell(Money.of(minor, currencies[currency] as Money["currency"]));
    if (how === "exchanged") {
      const into = books[(currency + 1) % books.length]?.[to];
      const sold = { from: book[from]?.id, amount, to: [{ accountId: into?.id }] };
      const quote = { rate: "0.7", source: "chance", quotedAt: bank.now() };
      await accounts.makeExchange(read(MakeExchange, { ...sold, ...quote }), as(keeperId));
      continue;
    }
    const legs = [{ from: book[from]?.id, to: book[to]?.id, amount }];
    const more = how === "held" ? { holdS: 60 } : {};
    const made = await bank.transfer(keeperId, {
      legs,
      ...(memo ? { memo } : {}),
      tags: ["a:b"],
      ...more,
    });
    if (!made.ok || how === "at once") continue;
    const { transfer } = made.value;
    if (transfer.status === "pending") expect(await bank.postHeld(keeperId, transfer.id));
    if (transfer.status === "posted")
      expect(await accounts.reverseEntry({ entryId: transfer.entryId }, as(keeperId)));
  }
}

async function textOf({ accounts, as, keeperId }: Bank, format: ExportFormat): Promise<string> {
  const exported = expect(await accounts.exportLedger({ format }, as(keeperId)));
  let text = "";
  for await (const part of formats[format].textOf(exported)) text += part;
  return text;
}

/** A folder for the files of a foreign program, which `run` starts with one of them. */
async function workbench() {
  const folder = await scratch();
  const write = (name: string, text: string) => {
    const file = path.join(folder.path, name);
    writeFileSync(file, text);
    return file;
  };
  const run = (program: string, ...args: readonly string[]) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
    if (error) throw error;
    return { status, output: stdout, complaint: stderr };
  };
  return { write, run, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const randomBooks = (check: (bank: Bank) => Promise<void>) =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      await using bank = await openBank(memorySubject);
      await playing(bank, steps);
      await check(bank);
    }),
    { numRuns: runs },
  );

/** The balances that are not zero, as `account amount currency`. */
async function balancesOf(bank: Bank): Promise<readonly string[]> {
  const trial = await bank.accounts.getTrialBalance(
    read(GetTrialBalance, {}),
    bank.as(bank.keeperId),
  );
  return expect(trial)
    .items.flatMap(({ accountId, currency, posted }) => {
      const { amount } = Money.spell(Money.of(posted, currency));
      return posted === 0n ? [] : [`${accountId} ${amount} ${currency}`];
    })
    .toSorted();
}

/** A book of one transfer of 1.00 EUR. */
const onePayment = async (bank: Bank) =>
  playing(bank, [{ currency: 0, from: 0, to: 1, minor: 100n, memo: undefined, how: "at once" }]);

test("hledger reads the exported journal, and has the same balances", async () => {
  await using bench = await workbench();
  const { write, run } = bench;
  const hledger = (text: string, ...args: readonly string[]) =>
    run("hledger", "-f", write("ledger.journal", text), ...args);
  await randomBooks(async (bank) => {
    const text = await textOf(bank, "hledger");
    const { status, complaint } = hledger(text, "check");
    assert.equal(status, 0, complaint);
    const table = ["balance", "--flat", "--no-total", "-O", "csv", "--layout", "bare"];
    const theirs = hledger(text, ...table)
      .output.split("\n")
      .slice(1)
      .map((line) => line.replaceAll('"', "").split(","))
      .filter(([name = ""]) => name !== "")
      .map(
        ([name = "", currency = "", amount = ""]) =>
          `${name.split(":").at(-1) ?? ""} ${amount} ${currency}`,
      );
    assert.deepEqual(theirs.toSorted(), await balancesOf(bank));
  });
  await using bank = await openBank(memorySubject);
  await onePayment(bank);
  const planted = (await textOf(bank, "hledger")).replace("-1.00 EUR", "-1.01 EUR");
  assert.notEqual(hledger(planted, "check").status, 0, "a planted cent is refused");
});

test("Beancount reads the exported journal, and asserts the same balances", async () => {
  await using bench = await workbench();
  const { write, run } = bench;
  const check = (text: string) => run("bean-check", write("ledger.beancount", text));
  const asserting = (text: string, balances: readonly string[]) => {
    const names = new Map(
      [...text.matchAll(/ open (\S+:(\w+)) /g)].map(([, name = "", id = ""]) => [id, name]),
    );
    const assertions = balances.map((line) => {
      const [id = "", amount, currency] = line.split(" ");
      return `2999-01-01 balance ${names.get(id.slice("account_".length))} ${amount} ${currency}\n`;
    });
    return text + assertions.join("");
  };
  await randomBooks(async (bank) => {
    const text = await textOf(bank, "beancount");
    const { status, complaint } = check(asserting(text, await balancesOf(bank)));
    assert.equal(status, 0, complaint);
  });
  await using bank = await openBank(memorySubject);
  await onePayment(bank);
  const text = await textOf(bank, "beancount");
  const [balance = ""] = await balancesOf(bank);
  assert.notEqual(
    check(text.replace("-1.00 EUR", "-1.01 EUR")).status,
    0,
    "a planted cent is refused",
  );
  assert.notEqual(check(asserting(text, [balance.replace("1.00", "1.01")])).status, 0);
});

/** As C prints a double: an eighth that lies between two hundredths becomes the even one. `toFixed` takes the greater. */
const printed = (amount: number): string =>
  (Math.abs(amount * 8) % 4 === 1 ? amount - Math.sign(amount) / 1_000 : amount).toFixed(2);

test("LibOFX reads the exported statements, and has the same postings and balances", async () => {
  await using bench = await workbench();
  const { write, run } = bench;
  const lines = (text: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, ...parts]) => parts.join(" "));
  await randomBooks(async (bank) => {
    const { accounts, as, keeperId } = bank;
    const { output } = run("ofxdump", write("ledger.ofx", await textOf(bank, "ofx")));
    const everything = read(ListAccounts, { of: "everybody", limit: 100 });
    const { items } = expect(await accounts.listAccounts(everything, as(keeperId)));
    const rounded = (money: Money) => printed(Number(Money.spell(money).amount));
    const owned = items.filter(({ ownerId }) => ownerId !== undefined);
    const balances = owned.map(({ id, posted, currency }) =>
      [id.slice(-22), rounded(Money.of(posted, currency))].join(" "),
    );
    const statements = await Promise.all(
      owned.map(async ({ id: accountId }) => {
        const all = read(GetStatement, { accountId, order: "oldest", limit: 500 });
        return expect(await accounts.getStatement(all, as(keeperId))).items.map(
          ({ amount }) => `${accountId.slice(-22)} ${rounded(amount)}`,
        );
      }),
    );
    assert.deepEqual(
      lines(output, /Account ID: basalt  (\w+)\n.*\n.*\n {4}Ledger balance: (\S+)/g),
      balances,
    );
    assert.deepEqual(
      lines(output, /Account ID : basalt  (\w+)\n.*\n.*\n {4}Total money amount: (\S+)/g),
      statements.flat(),
    );
  });
});
