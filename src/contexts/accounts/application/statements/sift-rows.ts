import { maxBalance, type Funded, type Mirror } from "../../domain/account.ts";
import { Agreement } from "../../domain/agreement.ts";
import type { LineId, ObservationId } from "../../domain/ids.ts";
import { Line } from "../../domain/line.ts";
import { matchAll, type Candidate, type Matched, type Observed } from "../../domain/matching.ts";
import type { RowUnreadable } from "../ports/providers.ts";
import type { SettledRow, StagedRow } from "../ports/statements.ts";

/** Rounds of sifting at most. No file of a bank needs more than a few. */
const maxRounds = 20;

/** The account that rows are of. A dry run may have none. */
export type Mirrored = (Funded & Mirror) | undefined;
type Reason = RowUnreadable["reason"];

export const quarantined = ({ id }: Pick<StagedRow, "id">, reason: Reason): SettledRow => ({
  id,
  outcome: "quarantined",
  reason: { type: "row-unreadable", reason },
});

/** The line that a row is of. A doubtful or an ignored row is of none. */
function lineOf({ match, newLineId }: Matched): LineId | undefined {
  if (match.outcome === "matched" || match.outcome === "updated") return match.line.id;
  return match.outcome === "created" ? newLineId : undefined;
}

/** Lines whose rows would lift the balance over what an account may have: whatever moves after them could not be taken back. */
function tooLarge(matched: readonly Matched[], mirror: Mirrored): ReadonlySet<LineId | undefined> {
  const posted = mirror?.posted ?? 0n;
  let room = (maxBalance - (posted < 0n ? -posted : posted)) / 2n;
  const found = new Set<LineId | undefined>();
  for (const one of matched) {
    const { match, observation } = one;
    if (match.outcome !== "created" && match.outcome !== "updated") continue;
    const before = match.outcome === "updated" ? match.line.amount.minor : 0n;
    const moved = observation.amount.minor - before;
    const left = room - (moved < 0n ? -moved : moved);
    if (left < 0n) found.add(lineOf(one));
    else room = left;
  }
  return found;
}

/** Lines that would change although they are of days whose balance is agreed. */
function reconciled(
  matched: readonly Matched[],
  mirror: Mirrored,
): ReadonlySet<LineId | undefined> {
  if (mirror?.agreedUntil === undefined) return new Set();
  const isForbidden = ({ id, match, observation, newLineId }: Matched): boolean => {
    if (match.outcome !== "created" && match.outcome !== "updated") return false;
    const before = match.outcome === "updated" ? match.line : undefined;
    const identity = { id: before?.id ?? newLineId, accountId: mirror.id, observationId: id };
    return Agreement.forbids(mirror, { before, after: Line.told(identity, observation, before) });
  };
  return new Set(matched.filter(isForbidden).map(lineOf));
}

export type Sifted = ReturnType<typeof matchAll> & { readonly refused: readonly SettledRow[] };

/** There are too many lines alike to tell which is which. */
export const crowded = (all: readonly Observed[]): Sifted => ({
  matched: [],
  lines: new Map(),
  refused: all.map((one) => quarantined(one, "too-many-alike")),
});

type Rules = Parameters<typeof matchAll>[2] & { readonly mirror: Mirrored };

/** Rows that are left out, each with its reason, its account and what it says. */
const refusedOf = (
  all: readonly Observed[],
  reasons: ReadonlyMap<ObservationId, Reason>,
  mirror: Mirrored,
): readonly SettledRow[] =>
  all.flatMap((one): readonly SettledRow[] => {
    const reason = reasons.get(one.id);
    const known = { observation: one.observation, ...(mirror ? { accountId: mirror.id } : {}) };
    return reason === undefined ? [] : [{ ...quarantined(one, reason), ...known }];
  });

/**
 * Matches rows, and leaves out every row of a line whose change is not allowed. That can change which lines the other rows match, so it matches the
 * remaining rows again until none has to be left out.
 */
export function sift(
  all: readonly Observed[],
  candidates: readonly Candidate[],
  rules: Rules,
): Sifted {
  const { mirror } = rules;
  const reasons = new Map<ObservationId, Reason>();
  for (let round = 0; round < maxRounds; round += 1) {
    const observed = all.filter(({ id }) => !reasons.has(id));
    const found = matchAll(observed, candidates, rules);
    const [agreed, large] = [reconciled(found.matched, mirror), tooLarge(found.matched, mirror)];
    if (agreed.size + large.size === 0)
      return { ...found, refused: refusedOf(all, reasons, mirror) };
    for (const one of found.matched) {
      const line = lineOf(one);
      if (line === undefined) continue;
      if (agreed.has(line)) reasons.set(one.id, "reconciled");
      else if (large.has(line)) reasons.set(one.id, "amount-too-large");
    }
  }
  return crowded(all);
}
