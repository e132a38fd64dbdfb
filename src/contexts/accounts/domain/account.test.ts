import assert from "node:assert/strict";
import { test } from "node:test";
import { saved } from "#kernel/change.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { afterMinutes, newId, start } from "#test/values.ts";
import { Account, type Funded } from "./account.ts";
import type { AccountType } from "./account-type.ts";
import { AccountId, OwnerId } from "./ids.ts";
import { AccountName, Mask } from "./labels.ts";

const eur = (minor: bigint) => Money.of(minor, "EUR" as Currency);
const opening = {
  id: newId(AccountId),
  ownerId: newId(OwnerId),
  name: expect(AccountName.parse("Everyday")),
  type: "checking" as AccountType,
  currency: "EUR" as Currency,
  openedAt: start,
  overdraft: eur(0n),
};
const funded = (posted = 0n, held = 0n, more: object = {}): Funded => ({
  ...saved(expect(Account.open({ ...opening, ...more }))),
  posted,
  held,
});
const typesOf = ({ events }: { readonly events: readonly { readonly type: string }[] }) =>
  events.map(({ type }) => type);

test("an account is opened by an owner, and one of the book by none", () => {
  const opened = expect(Account.open(opening));
  assert.deepEqual(typesOf(opened), ["accounts.account-opened"]);
  const { ownerId: _, ...without } = opening;
  assert.deepEqual(
    Account.open(without),
    err({ type: "owner-mismatch", reason: "needs-an-owner" }),
  );
  const equity = { ...opening, type: "equity" as const };
  assert.deepEqual(Account.open(equity), err({ type: "owner-mismatch", reason: "is-the-book's" }));
  const book = expect(Account.open({ ...without, type: "equity", overdraft: null })).state;
  assert.equal(Account.available({ ...book, posted: -5n, held: 0n }), undefined);
});

test("what is available counts holds and the overdraft", () => {
  assert.equal(Account.available(funded(100n, 30n)), 70n);
  assert.equal(Account.available(funded(100n, 30n, { overdraft: eur(50n) })), 120n);
});

test("an edit is announced once, and only where something differs", () => {
  const account = funded();
  assert.deepEqual(typesOf(expect(Account.edit(account, {}))), []);
  assert.deepEqual(typesOf(expect(Account.edit(account, { name: account.name }))), []);
  const mask = expect(Mask.parse("4711"));
  const masked = expect(Account.edit(account, { mask }));
  assert.deepEqual([masked.state.mask, typesOf(masked)], [mask, ["accounts.account-edited"]]);
  const again = { ...masked.state, posted: 0n, held: 0n };
  assert.equal("mask" in expect(Account.edit(again, { mask: null })).state, false);
});

test("a limit is neither negative, nor of another currency, nor below what is taken", () => {
  const edit = (overdraft: Money) =>
    Account.edit(funded(-50n, 10n, { overdraft: null }), { overdraft });
  const refused = (reason: string) => err({ type: "overdraft-invalid", reason });
  assert.deepEqual(edit(eur(-1n)), refused("negative"));
  assert.deepEqual(edit(Money.of(60n, "JPY" as Currency)), refused("other-currency"));
  assert.deepEqual(edit(eur(59n)), refused("already-overdrawn"));
  assert.equal(expect(edit(eur(60n))).state.overdraft, 60n);
});

test("only an empty account is deactivated, once, and comes back as it was", () => {
  const at = afterMinutes(1);
  for (const account of [funded(1n), funded(-1n), funded(0n, 1n)])
    assert.deepEqual(Account.deactivate(account, at), err({ type: "account-in-use" }));
  const account = funded();
  const ended = expect(Account.deactivate(account, at));
  assert.deepEqual(typesOf(ended), ["accounts.account-deactivated"]);
  const inactive = { ...ended.state, posted: 0n, held: 0n };
  assert.deepEqual(typesOf(expect(Account.deactivate(inactive, at))), []);
  const { posted: _, held: __, ...before } = account;
  assert.deepEqual(Account.reactivate(inactive).state, before);
  assert.deepEqual(typesOf(Account.reactivate(account)), []);
});

test("an account is found at the version that the caller expects", () => {
  const account = funded();
  const { id } = account;
  const expected = (version: number | undefined) =>
    Account.expected(account, { id, version: version as Version | undefined });
  assert.deepEqual(expected(1), ok(account));
  assert.deepEqual(expected(undefined), ok(account));
  assert.deepEqual(expected(2), err({ type: "precondition-failed", currentVersion: 1 }));
  const missing = Account.expected(undefined, { id, version: Version.none });
  assert.deepEqual(missing, err({ type: "account-not-found", accountId: id }));
});
