import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { GetAccount } from "../application/accounts/read-accounts.ts";
import { MakeExchange } from "../application/ledger/make-exchange.ts";
import { ReverseEntry } from "../application/ledger/post-entry.ts";
import { GetStatement, GetTrialBalance } from "../application/ledger/read-ledger.ts";
import { VoidTransfer } from "../application/transfers/resolve-transfer.ts";
import { openBank, read, type Bank, type OpenAccounts } from "./fixtures.ts";

const people = 4;
const runs = 12;

/** One command of a program. It acts on the n-th account, transfer or entry that exists when it runs. */
type Command =
  | {
      readonly kind: "pay" | "hold";
      readonly from: number;
      readonly to: number;
      readonly cents: number;
    }
  | { readonly kind: "post"; readonly nth: number; readonly cents: number }
  | { readonly kind: "void" | "reverse" | "deactivate"; readonly nth: number }
  | {
      readonly kind: "exchange";
      readonly from: number;
      readonly to: number;
      readonly cents: number;
    }
  | { readonly kind: "expire"; readonly afterS: number };

const nth = fc.nat({ max: 1_000 });
const cents = fc.integer({ min: 1, max: 6_000 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("pay" as const), from: nth, to: nth, cents }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("hold" as const), from: nth, to: nth, cents }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("post" as const), nth, cents }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("void" as const, "reverse" as const, "deactivate" as const),
      nth,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("exchange" as const), from: nth, to: nth, cents }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("expire" as const),
      afterS: fc.integer({ min: 1, max: 3 }),
    }),
  },
);
/** Commands of one list run at once; the lists run one after the other. */
const program = fc.array(fc.array(command, { minLength: 1, maxLength: 6 }), { maxLength: 12 });

const currencies = ["EUR", "USD"] as const;
const spelled = (minor: number, currency: string) =>
  Money.spell(Money.of(BigInt(minor), currency as Money["currency"]));
const euros = (minor: number) => spelled(minor, "EUR");

type Story = {
  readonly bank: Bank;
  readonly ids: readonly string[];
  /** One account for each of the currencies that are exchanged, with money. */
  readonly purses: readonly string[];
  readonly transfers: string[];
  readonly entries: string[];
};

/** Deactivates an account, or makes it active again. */
async function toggle({ accounts, as, keeperId, step }: Bank, accountId: string): Promise<void> {
  const get = read(GetAccount, { accountId });
  const { status, version } = expect(await accounts.getAccount(get, as(keeperId)));
  const change = status === "active" ? accounts.deactivateAccount : accounts.reactivateAccount;
  await change(step(accountId, version), as(keeperId));
}

async function run({ bank, ids, purses, transfers, entries }: Story, said: Command): Promise<void> {
  const { accounts, as, keeperId, clock } = bank;
  const pick = (all: readonly string[], n: number) => all[n % Math.max(1, all.length)] ?? "";
  if (said.kind === "pay" || said.kind === "hold") {
    const leg = { from: pick(ids, said.from), to: pick(ids, said.to), amount: euros(said.cents) };
    const made = await bank.transfer(keeperId, {
      legs: [leg],
      ...(said.kind === "hold" ? { holdS: 6 } : {}),
    });
    if (!made.ok) return;
    const { transfer } = made.value;
    if (transfer.status === "posted") entries.push(transfer.entryId);
    else transfers.push(transfer.id);
  }
  if (said.kind === "deactivate") await toggle(bank, pick(ids, said.nth));
  if (said.kind === "exchange") {
    const [from, to] = [said.from % 2, said.to % 2];
    const input = {
      from: purses[from],
      amount: spelled(said.cents, currencies[from] ?? ""),
      to: [{ accountId: purses[to] }],
      rate: from === 0 ? "1.0837" : "0.9227",
      source: "chance",
      quotedAt: bank.now(),
    };
    const made = await accounts.makeExchange(read(MakeExchange, input), as(keeperId));
    if (made.ok) entries.push(made.value.id);
  }
  if (said.kind === "expire") {
    clock.advance(said.afterS * 1_000);
    expect(await accounts.expireTransfers({}, as("system")));
  }
  if (said.kind === "post" && transfers.length > 0)
    await bank.postHeld(keeperId, pick(transfers, said.nth), euros(said.cents));
  if (said.kind === "void" && transfers.length > 0)
    await accounts.voidTransfer(
      read(VoidTransfer, { transferId: pick(transfers, said.nth) }),
      as(keeperId),
    );
  if (said.kind === "reverse" && entries.length > 0)
    await accounts.reverseEntry(
      read(ReverseEntry, { entryId: pick(entries, said.nth) }),
      as(keeperId),
    );
}

/** Recomputes the balance after each posting of an account from the amounts alone. */
async function readded({ accounts, as, keeperId }: Bank, accountId: string) {
  const { items } = expect(
    await accounts.getStatement(
      read(GetStatement, { accountId, order: "oldest", limit: 500 }),
      as(keeperId),
    ),
  );
  let sum = 0n;
  return items.map(({ amount, balance, recordedAt }) => {
    sum += amount.minor;
    return { sum, said: balance.minor, recordedAt };
  });
}

async function check({ bank, ids, purses }: Story): Promise<void> {
  const { accounts, as, keeperId, balance } = bank;
  for (const id of [...ids, ...purses]) {
    const [posted = 0n, held = 0n, available = 0n] = await balance(id);
    const lines = await readded(bank, id);
    assert.equal(posted, lines.at(-1)?.sum ?? 0n);
    assert.equal(available, posted - held);
    assert.ok(held >= 0n && available >= 0n);
    for (const [i, { sum, said, recordedAt }] of lines.entries()) {
      assert.equal(said, sum);
      if (lines[i + 1]?.recordedAt === recordedAt) continue;
      assert.equal((await balance(id, { at: recordedAt }))[0], sum);
      const at = Instant.plus(recordedAt, -1);
      const before = lines.findLast((line) => line.recordedAt <= at);
      assert.equal((await balance(id, { at }))[0], before?.sum ?? 0n);
    }
  }
  const trial = expect(await accounts.getTrialBalance(read(GetTrialBalance, {}), as(keeperId)));
  assert.ok(trial.totals.every(({ minor }) => minor === 0n));
}

/** Random programs of commands, several at a time, against a naive re-addition of what was posted. */
export function programsContract(name: string, open: OpenAccounts): void {
  describe(`programs of transfers on ${name}`, () => {
    test("money is neither made nor lost, held twice nor overdrawn, and every balance adds up", async () => {
      await fc.assert(
        fc.asyncProperty(program, async (steps) => {
          await using bank = await openBank(open);
          const opened = await Promise.all(
            Array.from({ length: people }, () => bank.opened(bank.adaId)),
          );
          const ids = opened.map(({ id }) => id);
          for (const id of ids) await bank.fund(id, "50");
          const purses = await Promise.all(
            currencies.map(async (currency) => (await bank.opened(bank.bobId, { currency })).id),
          );
          await bank.fund(purses[0] ?? "", "500");
          const story: Story = { bank, ids, purses, transfers: [], entries: [] };
          for (const step of steps) {
            await Promise.all(step.map((said) => run(story, said)));
            bank.clock.advance(7);
          }
          await check(story);
          bank.clock.advance(100_000);
          await bank.accounts.expireTransfers({}, bank.as("system"));
          for (const id of ids) assert.equal((await bank.balance(id))[1], 0n);
        }),
        { numRuns: runs },
      );
    });
  });
}
