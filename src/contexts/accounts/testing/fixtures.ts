import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { ofOwn, type MayAct } from "#kernel/permission.ts";
import { err, expect, ok } from "#kernel/result.ts";
import type { Infer, Value } from "#kernel/shape.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { MemoryStore } from "#platform/memory/memory-store.ts";
import { alone } from "#platform/scheduler/alone.ts";
import { memoryLeases } from "#platform/scheduler/memory-leases.ts";
import { systemIds, systemTimers as timers } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { createSecrets, masterKeys, newMasterKey } from "#platform/secrets/secrets.ts";
import { testClock } from "#test/clock.ts";
import { testContext } from "#test/context.ts";
import { newId } from "#test/values.ts";
import { AccountStep } from "../application/accounts/change-account.ts";
import { OpenAccount } from "../application/accounts/open-account.ts";
import { GetBalance } from "../application/accounts/read-accounts.ts";
import { PostEntry } from "../application/ledger/post-entry.ts";
import type { AccountsScope } from "../application/ports/scope.ts";
import { MakeTransfer } from "../application/transfers/make-transfer.ts";
import { PostTransfer } from "../application/transfers/resolve-transfer.ts";
import { OwnerId } from "../domain/ids.ts";
import { grants } from "../grants.ts";
import { bankFiles } from "../infrastructure/statements/bank-files.ts";
import type { Provider } from "../application/ports/providers.ts";
import { credentialSealing } from "../infrastructure/providers/credentials.ts";
import { createAccounts } from "../index.ts";
import { memoryAccounts, memoryAccountsTables } from "./memory-accounts.ts";

/** The adapters that accounts are tested on. */
export type AccountsSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  /** Types of all events, in order. */
  readonly events: () => Promise<readonly string[]>;
  /** The payloads of all events, as one text. */
  readonly payloads: () => Promise<string>;
};
export type OpenAccounts = (clock: Clock) => Promise<AccountsSubject>;

export const memorySubject: OpenAccounts = async (clock) => {
  const store = new MemoryStore({ clock, newId: systemIds, timers });
  return {
    ...store.units(memoryAccounts(memoryAccountsTables())),
    events: async () => store.events.map(({ type }) => type),
    payloads: async () => JSON.stringify(store.events.map(({ payload }) => payload)),
    async [Symbol.asyncDispose]() {},
  };
};

/** What a use case is given where it comes from outside. */
export const read = <V extends Value<unknown>>(value: V, input: object): Infer<V> =>
  expect(value.parse(input)) as Infer<V>;

/** Grants each actor the default permissions of a role. */
const mayActAs =
  (roleOf: (actor: string) => string): MayAct =>
  async ({ actor }, permission, on) => {
    const granted = grants[roleOf(actor)] ?? [];
    const isGranted =
      granted.includes(permission) ||
      granted.includes(`${permission.split(":")[0]}:*`) ||
      (on?.owner === actor && granted.includes(ofOwn(permission)));
    return isGranted ? ok(undefined) : err({ type: "forbidden", permission });
  };

export const eur = (amount: string) => ({ amount, currency: "EUR" });

const [newer, older] = [newMasterKey(), newMasterKey()];
/** Under a master key that has followed another one, and under that one. */
export const [sealing, olderSealing] = [
  credentialSealing(createSecrets(masterKeys(`${newer},${older}`))),
  credentialSealing(createSecrets(masterKeys(older))),
] as const;
export const syncEveryMs = 6 * 3_600_000;

/** Providers besides those of files. */
type Elsewhere = { readonly providers?: (clock: Clock) => readonly Provider[] };

/** Accounts, with a bookkeeper and two people. */
async function accountsOn(open: OpenAccounts, more: Elsewhere) {
  const clock = testClock();
  const subject = await open(clock);
  const [adaId, bobId, keeperId] = [newId(OwnerId), newId(OwnerId), newId(OwnerId)];
  const { unitOfWork, read: ask } = subject;
  /** Who may do nothing any more. */
  const deleted = new Set<string>();
  const accounts = createAccounts({
    unitOfWork,
    read: ask,
    clock,
    newId: systemIds,
    metrics: createMetrics(),
    audit: { enter: async () => {} },
    providers: [...bankFiles, ...(more.providers?.(clock) ?? [])],
    sealing,
    alone: alone(memoryLeases(timers), "test"),
    syncEveryMs,
    chance: () => 0,
    exportBatch: 2, // so that every export has borders between its pages
    mayAct: mayActAs((actor) => {
      if (deleted.has(actor)) return "nobody";
      return actor === keeperId ? "bookkeeper" : "member";
    }),
  });
  const as = (actor: string): Context => ({
    ...testContext({ actor }),
    deadlineMs: clock.unixMs() + 20_000,
  });
  return { accounts, subject, clock, as, adaId, bobId, keeperId, deleted };
}

/** Adds the actions that most tests need. */
export async function openBank(open: OpenAccounts, more: Elsewhere = {}) {
  const house = await accountsOn(open, more);
  const { accounts, subject, clock, as, keeperId } = house;
  const account = async (actor: string, more: object = {}) =>
    accounts.openAccount(
      read(OpenAccount, { name: "Everyday", type: "checking", currency: "EUR", ...more }),
      as(actor),
    );
  const opened = async (actor: string, more: object = {}) => expect(await account(actor, more));
  const post = async (postings: readonly object[], more: object = {}, actor: string = keeperId) =>
    accounts.postEntry(read(PostEntry, { postings, ...more }), as(actor));
  const equity = await opened(keeperId, { name: "Equity", type: "equity" });
  /** Puts money on an account. */
  const fund = async (accountId: string, amount: string) =>
    expect(
      await post([
        { accountId: equity.id, amount: eur(`-${amount}`) },
        { accountId, amount: eur(amount) },
      ]),
    );
  const transfer = async (actor: string, input: object) =>
    accounts.makeTransfer(read(MakeTransfer, input), as(actor));
  const pay = async (actor: string, from: string, to: string, amount: string, more: object = {}) =>
    transfer(actor, { legs: [{ from, to, amount: eur(amount) }], ...more });
  const postHeld = async (actor: string, transferId: string, amount?: object) =>
    accounts.postTransfer(read(PostTransfer, { transferId, ...(amount && { amount }) }), as(actor));
  /** Posted, held and available, in minor units. */
  const balance = async (accountId: string, more: object = {}) => {
    const found = expect(
      await accounts.getBalance(read(GetBalance, { accountId, ...more }), as(keeperId)),
    );
    return [found.posted.minor, found.held?.minor, found.available?.minor];
  };
  const step = (accountId: string, expectedVersion: number) =>
    read(AccountStep, { accountId, expectedVersion });
  const now = (): Instant => clock.now();
  return {
    ...house,
    now,
    equity,
    account,
    opened,
    post,
    fund,
    transfer,
    pay,
    postHeld,
    balance,
    step,
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  };
}
export type Bank = Awaited<ReturnType<typeof openBank>>;
