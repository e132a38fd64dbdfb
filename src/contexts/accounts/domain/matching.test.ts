import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CivilDate } from "#kernel/civil-date.ts";
import { Currency, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { AccountId, LineId, ObservationId } from "./ids.ts";
import type { Line } from "./line.ts";
import { matchAll, type Candidate, type Observed } from "./matching.ts";
import type { Counterparty, ExternalId, Observation } from "./observation.ts";
import type { IdHabit } from "./provider.ts";

const usd = expect(Currency.parse("USD"));
const accountId = newId(AccountId);

type Said = Partial<Omit<Observation, "amount">> & { readonly cents?: number };
const told = ({ cents = -450, ...more }: Said = {}): Observed => ({
  id: newId(ObservationId),
  newLineId: newId(LineId),
  observation: {
    status: "booked",
    date: "2026-08-03" as CivilDate,
    amount: Money.of(BigInt(cents), usd),
    counterparty: "Blue Coffee" as Counterparty,
    ...more,
  },
});
const named = (id: string, more: Said = {}) => told({ externalId: id as ExternalId, ...more });

const match = (
  document: readonly Observed[],
  known: readonly Line[] = [],
  ids: IdHabit = "loose",
) =>
  matchAll(
    document,
    known.map((line) => candidate(line, document)),
    { accountId, ids },
  );
const candidate = (
  line: Line,
  document: readonly Observed[],
  history: readonly Observation[] = [],
): Candidate => ({
  ...line,
  isTaken: false,
  history,
  isNamed: document.some(
    ({ observation: { externalId } }) => externalId !== undefined && externalId === line.externalId,
  ),
});
const linesOf = (document: readonly Observed[], ids?: IdHabit) => [
  ...match(document, [], ids).lines.values(),
];
const outcomes = (found: ReturnType<typeof match>) => found.matched.map((one) => one.match.outcome);

test("a document that comes again finds its own lines, in whatever order its rows are", () => {
  const row = fc.record({
    id: fc.option(fc.constantFrom("a", "b", "c", "d"), { nil: undefined }),
    cents: fc.constantFrom(-450, -500, 1000),
    day: fc.constantFrom("2026-08-03", "2026-08-04"),
    name: fc.constantFrom("Blue Coffee", "Kiosk on the corner"),
  });
  const rows = fc.array(row, { maxLength: 12 });
  fc.assert(
    fc.property(rows, fc.constantFrom("loose", "stable"), (said, ids: IdHabit) => {
      const hasIds = said.some(({ id }) => id !== undefined);
      const make = () =>
        said.map(({ id, cents, day, name }) => {
          const facts = { cents, date: day as CivilDate, counterparty: name as Counterparty };
          return hasIds ? named(id ?? `${cents} ${day} ${name}`, facts) : told(facts);
        });
      const document = make();
      // With stable ids a second row of one id corrects the first: the last word is what counts.
      const once =
        ids === "stable"
          ? [
              ...new Map(
                document.map((one) => [one.observation.externalId ?? one.id, one]),
              ).values(),
            ]
          : document;
      const lines = linesOf(once, ids);
      const again = match(
        once
          .map((one) => ({ ...one, id: newId(ObservationId), newLineId: newId(LineId) }))
          .toReversed(),
        lines,
        ids,
      );
      assert.deepEqual(new Set(outcomes(again)), new Set(once.length === 0 ? [] : ["matched"]));
    }),
    { numRuns: 300 },
  );
});

test("what was announced is booked under another id, with the same amount", () => {
  const [pending] = linesOf([named("p1", { status: "pending" })]);
  assert.ok(pending);
  const booked = named("b1", { date: "2026-08-05" as CivilDate });
  const found = match([booked], [pending]);
  assert.deepEqual(outcomes(found), ["updated"]);
  const line = found.lines.get(pending.id);
  assert.deepEqual([line?.status, line?.externalId, line?.date], ["booked", "b1", "2026-08-05"]);
});

test("a tip on what was announced waits for a decision", () => {
  const [pending] = linesOf([named("p1", { status: "pending", cents: -4_000 })]);
  assert.ok(pending);
  const [tipped] = match([named("b1", { cents: -4_800 })], [pending]).matched;
  assert.deepEqual(tipped?.match, {
    outcome: "doubtful",
    suspects: [
      { lineId: pending.id, because: ["was-pending", "same-counterparty", "other-amount"] },
    ],
  });
  for (const other of [
    named("b2", { cents: -40_000 }),
    named("b3", { cents: 4_800 }),
    named("b4", { cents: -4_800, date: "2026-08-20" as CivilDate }),
    named("b5", { cents: -4_800, counterparty: "Green Tea" as Counterparty }),
  ])
    assert.deepEqual(outcomes(match([other], [pending])), ["created"]);
});

test("a stable id corrects its line, and pending becomes booked under it", () => {
  const [line] = linesOf([named("1", { status: "pending" })], "stable");
  assert.ok(line);
  const found = match([named("1", { cents: -475 })], [line], "stable");
  assert.deepEqual(outcomes(found), ["updated"]);
  assert.equal(found.lines.get(line.id)?.amount.minor, -475n);
  const twin = match([named("2")], linesOf([named("1")], "stable"), "stable");
  assert.deepEqual(outcomes(twin), ["created"], "another id is another line");
});

test("a file without ids finds the lines of one with ids, and the other way round", () => {
  const withIds = linesOf([named("1", { counterparty: "BLUE COFFEE SEATTL" as Counterparty })]);
  const full = told({ counterparty: "Blue Coffee, Seattle WA" as Counterparty });
  assert.deepEqual(outcomes(match([full], withIds)), ["matched"]);
  const found = match([named("1")], linesOf([told()]));
  assert.deepEqual(outcomes(found), ["matched"]);
  assert.equal([...found.lines.values()][0]?.externalId, "1", "the line has its id from now on");
  const other = match([told({ counterparty: "Kiosk" as Counterparty })], withIds);
  assert.deepEqual(outcomes(other), ["doubtful"]);
});

test("a duplicate on two pages of one document is one line", () => {
  const found = match([named("1"), named("2", { cents: -1 }), named("1")]);
  assert.deepEqual(outcomes(found), ["created", "created", "matched"]);
  assert.equal(found.lines.size, 2);
});

test("an id that comes again in another month is doubtful, and not the old line", () => {
  const rent = { cents: -100_000, counterparty: "Landlord" as Counterparty };
  const january = linesOf([named("0001", { ...rent, date: "2026-01-01" as CivilDate })]);
  const february = named("0001", { ...rent, date: "2026-02-01" as CivilDate });
  assert.deepEqual(outcomes(match([february], january)), ["doubtful"]);
  const moved = named("0001", { ...rent, date: "2026-01-03" as CivilDate });
  assert.deepEqual(outcomes(match([moved], january)), ["updated"]);
  const other = named("0001", { cents: -100_000, date: "2026-01-03" as CivilDate });
  assert.deepEqual(outcomes(match([other], january)), ["doubtful"], "and it names another party");
});

test("what a provider took back or corrected stays so, whoever tells of it again", () => {
  const line = named("1");
  for (const action of ["delete", "replace"] as const) {
    const corrects = { of: "1" as ExternalId, action };
    const correction = named("1b", { cents: -475, corrects });
    const [known] = linesOf([line]);
    assert.ok(known);
    const [corrected] = match([correction], [known]).lines.values();
    assert.ok(corrected);
    assert.equal(corrected.status, action === "delete" ? "removed" : "booked");
    const history = [line.observation, correction.observation];
    const document = [line, correction];
    const rules = { accountId, ids: "loose" } as const;
    const again = matchAll(document, [candidate(corrected, document, history)], rules);
    assert.deepEqual([outcomes(again), again.lines.size], [["matched", "matched"], 0], action);
  }
});

test("what takes back a line that nobody knows is ignored", () => {
  const corrects = { of: "1" as ExternalId, action: "delete" } as const;
  assert.deepEqual(outcomes(match([named("1b", { corrects })])), ["ignored"]);
});

test("lines that look alike by the thousand are matched in little time", () => {
  const crowd = linesOf(Array.from({ length: 5_000 }, () => told()));
  const document = Array.from({ length: 500 }, () => told());
  const { matched } = matchAll(
    document,
    crowd.map((line) => ({ ...candidate(line, document), isTaken: true })),
    { accountId, ids: "loose" },
  );
  assert.ok(matched.every((one) => one.match.outcome === "created"));
});
