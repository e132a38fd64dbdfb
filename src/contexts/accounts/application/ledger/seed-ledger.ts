import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import { branded, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { isOfTheBook } from "../../domain/account-type.ts";
import { Account } from "../../domain/account.ts";
import type { AccountId } from "../../domain/ids.ts";
import { Transfer } from "../../domain/transfer.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { currencies, demoLedger, type BytesOf, type DemoAccount } from "./demo-accounts.ts";

/** Accounts of one unit of work. */
export const seedBatch = 20;

type Count = Brand<number, "SeedCount">;
const Count = branded<Count>("number of accounts", {
  schema: { type: "integer", minimum: 0, maximum: 10_000_000 },
});
const Seed = branded<Brand<number, "Seed">>("seed", {
  schema: { type: "integer", minimum: 0, maximum: 999_999 },
});

/** The accounts from number `from` on, at most a batch of them. */
export const SeedLedger = shape({ from: Count, until: Count, seed: Seed });
export type SeedLedger = Infer<typeof SeedLedger>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly clock: Clock;
  readonly bytesOf: BytesOf;
};
type Outcome = Result<{ readonly made: number }, Conflict>;

/** Opens demo accounts that are not there yet, gives them money, and has them pay each other; answers how many. */
export function seedLedger({ unitOfWork, clock, bytesOf }: Deps) {
  async function open(
    { accounts }: AccountsScope,
    wanted: readonly DemoAccount[],
  ): Promise<ReadonlySet<AccountId>> {
    const known = await accounts.byIds(wanted.map(({ id }) => id));
    const missing = wanted.filter(({ id }) => !known.has(id));
    for (const demo of missing) {
      const overdraft = isOfTheBook(demo.type) ? null : Money.of(0n, demo.currency);
      accounts.save(expect(Account.open({ ...demo, overdraft, openedAt: clock.now() })));
    }
    return new Set(missing.map(({ id }) => id));
  }

  return async ({ from, until, seed }: SeedLedger, context: Context): Promise<Outcome> => {
    const demo = demoLedger(seed, bytesOf);
    const numbers = Array.from({ length: Math.min(until - from, seedBatch) }, (_, i) => from + i);
    const opened = await unitOfWork(context, async (scope) => {
      const wanted = numbers.map(demo.account);
      const made = await open(scope, [...currencies.map(demo.equity), ...wanted]);
      return ok(wanted.filter(({ id }) => made.has(id)).length);
    });
    if (!opened.ok) return opened;
    return unitOfWork(context, async ({ journal, transfers }): Promise<Outcome> => {
      for (const n of numbers) {
        const now = clock.now();
        if (!(await journal.byId(demo.fundingId(n)))) journal.post(demo.funding(n, now), now);
        const id = demo.paymentId(n);
        if (id === undefined || (await transfers.byId(id))) continue;
        const { made, date } = demo.payment(n, id, now);
        const entry = Transfer.entry(made.state);
        const record = { at: now, date, transferId: id, entry };
        journal.move(Transfer.movements.atOnce(made.state), record);
        transfers.save(made);
      }
      return ok({ made: opened.value });
    });
  };
}
