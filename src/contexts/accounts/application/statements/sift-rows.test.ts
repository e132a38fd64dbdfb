import assert from "node:assert/strict";
import { test } from "node:test";
import { CivilDate } from "#kernel/civil-date.ts";
import { Currency, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { AccountId, LineId, ObservationId } from "../../domain/ids.ts";
import type { Observed } from "../../domain/matching.ts";
import { ExternalId } from "../../domain/observation.ts";
import { sift } from "./sift-rows.ts";

const usd = expect(Currency.parse("USD"));
const rules = { accountId: newId(AccountId), mirror: undefined };

const row = (id: string, minor: bigint): Observed => ({
  id: newId(ObservationId),
  newLineId: newId(LineId),
  observation: {
    externalId: expect(ExternalId.parse(id)),
    status: "booked",
    date: expect(CivilDate.parse("2026-08-03")),
    amount: Money.of(minor, usd),
  },
});
const reasonsOf = (rows: readonly Observed[], ids: "stable" | "loose") =>
  sift(rows, [], { ...rules, ids }).refused.flatMap(({ reason }) =>
    reason?.type === "row-unreadable" ? [reason.reason] : [],
  );

test("a row that is too large stays out, as often as it comes, and no other one with it", () => {
  const tooLarge = 9n * 10n ** 17n;
  for (const ids of ["stable", "loose"] as const) {
    const rows = [row("small", 5n), ...Array.from({ length: 400 }, () => row("large", tooLarge))];
    const reasons = reasonsOf(rows, ids);
    assert.equal(reasons.length, 400, ids);
    assert.deepEqual(new Set(reasons), new Set(["amount-too-large"]));
  }
});

test("rows that come one after the other to more than an account may have are cut where it is full", () => {
  const rows = Array.from({ length: 8 }, (_, i) => row(`r${i}`, 2n * 10n ** 17n));
  assert.equal(reasonsOf(rows, "stable").length, 6);
});
