import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemIds } from "#platform/system.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { ListTransfers } from "../application/transfers/list-transfers.ts";
import { GetTransfer, VoidTransfer } from "../application/transfers/resolve-transfer.ts";
import { Permissions } from "../application/permission.ts";
import { AccountId, TransferId } from "../domain/ids.ts";
import { eur, openBank, read, type Bank, type OpenAccounts } from "./fixtures.ts";

const writers = 64;
const hourS = 3_600;

const voiding = (bank: Bank, transferId: string, actor: string) =>
  bank.accounts.voidTransfer(read(VoidTransfer, { transferId }), bank.as(actor));

/** The contract of transfers and holds, for every adapter of their repositories. */
export function transfersContract(name: string, open: OpenAccounts): void {
  /** A bank where Ada has 100 EUR, and Bob has an account. */
  async function given() {
    const bank = await openBank(open);
    const [from, to] = [await bank.opened(bank.adaId), await bank.opened(bank.bobId)];
    await bank.fund(from.id, "100");
    return { ...bank, from: from.id, to: to.id };
  }

  describe(`transfers on ${name}`, () => {
    test("money goes from one account to the other, and never below the limit", async () => {
      await using bank = await given();
      const { adaId, from, to, pay, balance, subject } = bank;
      const { transfer, isRepeated } = expect(await pay(adaId, from, to, "30.50"));
      assert.deepEqual([transfer.status, isRepeated], ["posted", false]);
      assert.deepEqual(await balance(from), [6_950n, 0n, 6_950n]);
      assert.deepEqual(await balance(to), [3_050n, 0n, 3_050n]);
      assert.deepEqual(
        await pay(adaId, from, to, "69.51"),
        err({ type: "insufficient-funds", accountId: from, available: eur("69.50") }),
      );
      assert.equal((await pay(adaId, from, to, "69.50")).ok, true);
      assert.deepEqual((await subject.events()).slice(-2), [
        "accounts.transfer-posted",
        "accounts.transfer-posted",
      ]);
    });

    test("a repeated id gets the first result, and a refusal that names what differs", async () => {
      await using bank = await given();
      const { adaId, from, to, pay, balance, opened, bobId } = bank;
      const id = systemIds(TransferId);
      const first = expect(await pay(adaId, from, to, "1", { id, memo: "rent" }));
      const again = expect(await pay(adaId, from, to, "1", { id, memo: "rent" }));
      assert.deepEqual(again, { ...first, isRepeated: true });
      const other = await opened(bobId);
      const differs = async (...all: Parameters<typeof pay>) => {
        const outcome = await pay(...all);
        return outcome.ok || outcome.error.type !== "transfer-exists"
          ? outcome
          : outcome.error.differs;
      };
      assert.deepEqual(await differs(adaId, from, to, "2", { id, memo: "rent" }), ["legs"]);
      assert.deepEqual(await differs(adaId, from, other.id, "1", { id }), ["legs", "memo"]);
      const more = { id, memo: "rent", tags: ["a"], holdS: 60 };
      assert.deepEqual(await differs(adaId, from, to, "1", more), ["tags", "holdS"]);
      assert.deepEqual(await balance(to), [100n, 0n, 100n]);
    });

    test("one id that many send at once moves the money once", async () => {
      await using bank = await given();
      const { adaId, from, to, pay, balance } = bank;
      const id = systemIds(TransferId);
      const all = await Promise.all(
        Array.from({ length: 16 }, () => pay(adaId, from, to, "1", { id })),
      );
      assert.equal(all.filter((one) => one.ok && !one.value.isRepeated).length, 1);
      assert.deepEqual(await balance(to), [100n, 0n, 100n]);
    });

    test("terms that no transfer can have are refused", async () => {
      await using bank = await given();
      const { adaId, bobId, from, to, transfer, opened } = bank;
      const leg = (amount: object, more: object = {}) => ({ from, to, amount, ...more });
      const refusal = async (...legs: readonly object[]) => {
        const outcome = await transfer(adaId, { legs });
        return outcome.ok ? "ok" : { ...outcome.error };
      };
      const invalid = (reason: string, more: object = {}) => ({
        type: "transfer-invalid",
        reason,
        ...more,
      });
      assert.deepEqual(await refusal(), invalid("no-legs"));
      assert.deepEqual(await refusal(leg(eur("0"))), invalid("not-positive", { leg: 0 }));
      assert.deepEqual(await refusal(leg(eur("-1"))), invalid("not-positive", { leg: 0 }));
      assert.deepEqual(
        await refusal(leg(eur("1000000000000000.01"))),
        invalid("too-large", { leg: 0 }),
      );
      assert.deepEqual(
        await refusal(leg(eur("1")), leg(eur("1"), { to: from })),
        invalid("same-account", { leg: 1 }),
      );
      assert.deepEqual(
        await refusal(leg(eur("1")), leg(eur("2"))),
        invalid("repeated-leg", { leg: 1 }),
      );
      const nowhere = newId(AccountId);
      assert.deepEqual(await refusal(leg(eur("1"), { to: nowhere })), {
        type: "account-not-found",
        accountId: nowhere,
      });
      const yen = await opened(bobId, { currency: "JPY" });
      const mismatch = { type: "currency-mismatch", expected: "JPY", actual: "EUR" };
      assert.deepEqual(await refusal(leg(eur("1"), { to: yen.id })), mismatch);
      const hold = await transfer(adaId, { legs: [leg(eur("1"), { to: yen.id })], holdS: 60 });
      assert.deepEqual(hold, err(mismatch));
    });

    test("only the owner of an account takes money from it", async () => {
      await using bank = await given();
      const { bobId, keeperId, from, to, pay } = bank;
      const refused = err({ type: "forbidden", permission: Permissions.makeTransfer });
      assert.deepEqual(await pay(bobId, from, to, "1"), refused);
      assert.equal((await pay(keeperId, from, to, "1")).ok, true);
    });

    test("legs happen in their order, all or none", async () => {
      await using bank = await given();
      const { adaId, bobId, from, to, transfer, opened, balance } = bank;
      const third = (await opened(adaId)).id;
      const legs = [
        { from, to: third, amount: eur("100") },
        { from: third, to, amount: eur("60") },
      ];
      const tooMuch = { from: third, to: from, amount: eur("40.01") };
      const refused = await transfer(adaId, { legs: [...legs, tooMuch] });
      assert.deepEqual(
        refused,
        err({ type: "insufficient-funds", accountId: third, available: eur("40.00") }),
      );
      assert.deepEqual(await balance(from), [10_000n, 0n, 10_000n]);
      expect(await transfer(adaId, { legs }));
      assert.deepEqual(await balance(third), [4_000n, 0n, 4_000n]);
      const ofBob = { from: to, to: from, amount: eur("1") };
      const foreign = await transfer(adaId, { legs: [tooMuch, ofBob] });
      assert.equal(foreign.ok ? "" : foreign.error.type, "forbidden");
      assert.equal((await transfer(bobId, { legs: [ofBob] })).ok, true);
    });

    test("money is held, and posted in part; the rest is available again", async () => {
      await using bank = await given();
      const { adaId, from, to, pay, postHeld, balance } = bank;
      const { transfer } = expect(await pay(adaId, from, to, "80", { holdS: hourS }));
      assert.equal(transfer.status, "pending");
      assert.deepEqual(await balance(from), [10_000n, 8_000n, 2_000n]);
      assert.deepEqual(await balance(to), [0n, 0n, 0n]);
      assert.equal((await pay(adaId, from, to, "20.01")).ok, false);

      const held = [eur("80.00")];
      const part = async (amount: object) => {
        const outcome = await postHeld(adaId, transfer.id, amount);
        return outcome.ok || outcome.error.type !== "part-invalid" ? outcome : outcome.error;
      };
      const refused = (reason: string) => ({ type: "part-invalid", reason, held });
      assert.deepEqual(await part(eur("80.01")), refused("above-hold"));
      assert.deepEqual(await part(eur("0")), refused("not-positive"));
      const yen = { amount: "1", currency: "JPY" };
      assert.deepEqual(await part(yen), refused("other-currency"));

      const posted = expect(await postHeld(adaId, transfer.id, eur("50")));
      assert.equal(posted.status, "posted");
      assert.deepEqual(await balance(from), [5_000n, 0n, 5_000n]);
      assert.deepEqual(await balance(to), [5_000n, 0n, 5_000n]);
      const over = err({ type: "transfer-resolved", status: "posted" });
      assert.deepEqual(await postHeld(adaId, transfer.id), over);
      assert.deepEqual(await voiding(bank, transfer.id, adaId), over);
    });

    test("a hold is voided by its maker, and several legs are posted whole", async () => {
      await using bank = await given();
      const {
        accounts,
        as,
        adaId,
        bobId,
        keeperId,
        from,
        to,
        transfer,
        opened,
        postHeld,
        balance,
      } = bank;
      const third = (await opened(adaId)).id;
      const legs = [
        { from, to, amount: eur("10") },
        { from, to: third, amount: eur("20") },
      ];
      const hold = async () => expect(await transfer(adaId, { legs, holdS: hourS })).transfer.id;
      const voided = await hold();
      const refused = err({ type: "forbidden", permission: Permissions.resolveTransfer });
      assert.deepEqual(await voiding(bank, voided, bobId), refused);
      assert.deepEqual(await postHeld(bobId, voided), refused);
      assert.equal(expect(await voiding(bank, voided, keeperId)).status, "voided");
      assert.deepEqual(await balance(from), [10_000n, 0n, 10_000n]);

      const posted = await hold();
      const part = await postHeld(adaId, posted, eur("1"));
      assert.equal(
        part.ok || part.error.type !== "part-invalid" ? "" : part.error.reason,
        "several-legs",
      );
      expect(await postHeld(adaId, posted));
      assert.deepEqual(await balance(from), [7_000n, 0n, 7_000n]);
      assert.deepEqual(await balance(third), [2_000n, 0n, 2_000n]);
      const get = (actor: string) =>
        accounts.getTransfer(read(GetTransfer, { transferId: posted }), as(actor));
      const [all, his] = [expect(await get(adaId)), expect(await get(bobId))];
      assert.deepEqual(
        [all.legs.length, his.legs.map((leg) => leg.to)],
        [2, [to]],
        "an owner sees no legs of others",
      );
      const stranger = await get("nobody");
      assert.deepEqual(stranger, err({ type: "forbidden", permission: Permissions.readTransfer }));
    });

    test("a day other than today is the bookkeeper's to say, and never that of a hold", async () => {
      await using bank = await given();
      const { adaId, keeperId, from, to, pay, now } = bank;
      const date = now().slice(0, 10);
      const refused = err({ type: "forbidden", permission: Permissions.postEntry });
      assert.deepEqual(await pay(adaId, from, to, "1", { date }), refused);
      assert.equal((await pay(keeperId, from, to, "1", { date })).ok, true);
      const held = await pay(keeperId, from, to, "1", { date, holdS: 60 });
      assert.deepEqual(held, err({ type: "transfer-invalid", reason: "dated-hold" }));
    });

    test("holds are no more than an account can count", async () => {
      await using bank = await given();
      const { keeperId, equity, to, transfer } = bank;
      const most = eur("1000000000000000");
      const hold = () =>
        transfer(keeperId, { legs: [{ from: equity.id, to, amount: most }], holdS: 60 });
      for (let i = 0; i < 10; i += 1) expect(await hold());
      assert.deepEqual(await hold(), err({ type: "balance-too-large", accountId: equity.id }));
    });

    test("an owner lists the transfers of an account, each at its last movement", async () => {
      await using bank = await given();
      const { accounts, as, adaId, bobId, from, to, pay, postHeld, transfer, opened } = bank;
      const third = (await opened(adaId)).id;
      const held = async () =>
        expect(await pay(adaId, from, to, "1", { holdS: hourS })).transfer.id;
      const [pending, posted, voided] = [await held(), await held(), await held()];
      const legs = [
        { from, to, amount: eur("1") },
        { from, to: third, amount: eur("1") },
      ];
      const two = expect(await transfer(adaId, { legs })).transfer.id;
      expect(await postHeld(adaId, posted));
      expect(await voiding(bank, voided, adaId));
      const list = async (actor: string, more: object = {}) =>
        accounts.listTransfers(read(ListTransfers, { accountId: from, ...more }), as(actor));
      const ids = async (more: object = {}) =>
        expect(await list(adaId, more)).items.map(({ id }) => id);
      assert.deepEqual(await ids(), [voided, posted, two, pending]);
      assert.deepEqual(await ids({ status: "pending" }), [pending]);
      const first = expect(await list(adaId, { limit: 2 }));
      assert.deepEqual(await ids({ cursor: first.nextCursor }), [two, pending]);
      const his = expect(await list(bobId, { accountId: to }));
      assert.deepEqual(
        his.items.map(({ id, legs: seen }) => [id, seen.length]),
        [
          [posted, 1],
          [two, 1],
        ],
      );
      assert.deepEqual(
        await list(bobId),
        err({ type: "forbidden", permission: Permissions.readTransfer }),
      );
    });

    test("a hold expires at its time, and is never posted after it", async () => {
      await using bank = await given();
      const { accounts, as, adaId, from, to, pay, postHeld, balance, clock, subject } = bank;
      const { transfer } = expect(await pay(adaId, from, to, "80", { holdS: 60 }));
      clock.advance(59_999);
      assert.deepEqual(
        await accounts.expireTransfers({}, as("system")),
        ok({ done: 0, failures: [] }),
      );
      clock.advance(1);
      const over = err({ type: "transfer-resolved", status: "expired" });
      assert.deepEqual(await postHeld(adaId, transfer.id), over);
      assert.deepEqual(
        await accounts.expireTransfers({}, as("system")),
        ok({ done: 1, failures: [] }),
      );
      assert.deepEqual(await balance(from), [10_000n, 0n, 10_000n]);
      assert.deepEqual(await voiding(bank, transfer.id, adaId), over);
      assert.equal((await subject.events()).at(-1), "accounts.transfer-expired");
    });

    test("however requests race, a hold is resolved once", async () => {
      await using bank = await given();
      const { accounts, as, adaId, from, to, pay, postHeld, balance, clock } = bank;
      for (let round = 0; round < 6; round += 1) {
        const { transfer } = expect(await pay(adaId, from, to, "10", { holdS: 60 }));
        if (round % 2 === 1) clock.advance(60_000);
        const before = await balance(to);
        const outcomes = await Promise.all([
          postHeld(adaId, transfer.id),
          postHeld(adaId, transfer.id, eur("3")),
          voiding(bank, transfer.id, adaId),
          accounts.expireTransfers({}, as("system")),
        ]);
        const resolved = outcomes.slice(0, 3).filter((outcome) => outcome.ok).length;
        assert.equal(resolved, round % 2 === 1 ? 0 : 1);
        const after = await balance(to);
        assert.ok([0n, 300n, 1_000n].includes((after[0] ?? 0n) - (before[0] ?? 0n)));
        assert.equal((await balance(from))[1], 0n);
      }
    });

    test("64 writers take no more than there is, and lose nothing", async () => {
      await using bank = await given();
      const { adaId, bobId, from, to, opened, pay, balance } = bank;
      const third = (await opened(adaId)).id;
      const outcomes = await Promise.all(
        Array.from({ length: writers }, (_, i) =>
          i % 2 === 0 ? pay(adaId, from, to, "5") : pay(bobId, to, third, "5"),
        ),
      );
      const failures = outcomes.flatMap((one) => (one.ok ? [] : [one.error.type]));
      assert.deepEqual(
        failures.filter((type) => type !== "insufficient-funds"),
        [],
      );
      const ends = await Promise.all([from, to, third].map((id) => balance(id)));
      const posted = ends.map(([minor = 0n]) => minor);
      assert.ok(posted.every((minor) => minor >= 0n));
      assert.equal(
        posted.reduce((sum, minor) => sum + minor, 0n),
        10_000n,
      );
      const paid = outcomes.filter((one, i) => one.ok && i % 2 === 0).length;
      assert.equal(paid, 20);
      assert.equal(posted[0], 0n);
    });
  });
}
