import { CivilDate } from "#kernel/civil-date.ts";
import type { LineId, ObservationId } from "./ids.ts";
import { Line } from "./line.ts";
import type { Correction, ExternalId, Observation } from "./observation.ts";
import type { IdHabit } from "./provider.ts";

/** A line that an observation may be of. */
export type Candidate = Line & {
  /** An observation of the same document is of this line already. */
  readonly isTaken: boolean;
  /** The document has an observation with the id of the line. */
  readonly isNamed: boolean;
  /** All that was told of it. */
  readonly history: readonly Observation[];
};

/** Why an observation may be of a line, or is. */
export type Because =
  | "same-id"
  | "other-content"
  | "same-date"
  | "same-amount"
  | "same-counterparty"
  | "other-counterparty"
  | "other-amount"
  | "other-id"
  | "without-id"
  | "was-pending"
  | "was-told"
  | "corrects-it";

export type Suspect = { readonly lineId: LineId; readonly because: readonly Because[] };

/** What becomes of an observation. A doubtful one waits for a decision. */
export type Match =
  | { readonly outcome: "created" }
  | {
      readonly outcome: "matched" | "updated";
      readonly line: Candidate;
      readonly because: readonly Because[];
    }
  | { readonly outcome: "doubtful"; readonly suspects: readonly Suspect[] }
  /** It takes back a line that nobody knows. */
  | { readonly outcome: "ignored" };

/** A line that was announced is booked so many days later, at most. */
export const pendingDays = 8;
/** A booked amount may be so many per cent more than the announced one: a tip. */
const tipPercent = 50n;
/** Suspects that are told, at most. */
const maxSuspects = 20;
/** The fewest letters that a name which was cut begins with. */
const leastLetters = 6;

const words = (text: string | undefined) =>
  (text ?? "").toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "");

/** Both name the same party, though one of the names may be cut. */
function areAlike(a: Pick<Line, "counterparty">, b: Pick<Line, "counterparty">): boolean {
  const [one, other] = [words(a.counterparty), words(b.counterparty)];
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short === long || (short.length >= leastLetters && long.startsWith(short));
}

const isSame = (line: Line | Observation, { date, amount, status }: Observation): boolean =>
  line.date === date && line.amount.minor === amount.minor && line.status === status;

const doubt = (suspects: readonly Line[], ...because: readonly Because[]): Match => ({
  outcome: "doubtful",
  suspects: suspects.slice(0, maxSuspects).map(({ id }) => ({ lineId: id, because })),
});

const saysSo = (line: Line, observation: Observation): boolean =>
  isSame(line, observation) && areAlike(line, observation);

/** It was told of the line before. What is told since then counts: a bank's old file may come again. */
const hasSaid = ({ history }: Candidate, observation: Observation): boolean =>
  history.some(
    (before) =>
      before.externalId === observation.externalId &&
      isSame(before, observation) &&
      areAlike(before, observation),
  );

/** Says nothing new where everything is known, and else that the line changes. */
const told = (
  line: Candidate,
  observation: Observation,
  ...because: readonly Because[]
): Match => ({
  outcome: saysSo(line, observation) ? "matched" : "updated",
  line,
  because,
});

/** The same party within few days: a bank has moved the day, or changed the words. */
const areNear = (line: Line, observation: Observation): boolean =>
  (line.date === observation.date || areAlike(line, observation)) &&
  line.date >= CivilDate.plus(observation.date, -pendingDays) &&
  line.date <= CivilDate.plus(observation.date, pendingDays);

/** Lines with the id of the observation: there is at least one. */
function amongNamed(observation: Observation, named: readonly Candidate[], ids: IdHabit): Match {
  const alike = named.find((line) => saysSo(line, observation));
  if (alike) return { outcome: "matched", line: alike, because: ["same-id"] };
  const old = ids === "loose" && named.find((line) => hasSaid(line, observation));
  if (old) return { outcome: "matched", line: old, because: ["same-id", "was-told"] };
  const isOther = (line: Candidate) => ids === "loose" && line.isTaken;
  const same = named.find((line) => isSame(line, observation) && !isOther(line));
  if (same) return told(same, observation, "same-id");
  const [first] = named;
  const changed =
    named.find(({ status }) => status === "pending") ?? (ids === "stable" ? first : undefined);
  if (changed) return told(changed, observation, "same-id", "other-content");
  const free = named.filter(({ isTaken, status }) => !isTaken && status !== "removed");
  const worded = free.filter(({ amount }) => amount.minor === observation.amount.minor);
  const [moved] = worded;
  if (moved && worded.length === 1 && areNear(moved, observation))
    return told(moved, observation, "same-id", "same-amount");
  return free.length === 0 ? { outcome: "created" } : doubt(free, "same-id", "other-content");
}

function isTipped(announced: bigint, booked: bigint): boolean {
  const [a, b] = announced < 0n ? [-announced, -booked] : [announced, booked];
  return b > a && b * 100n <= a * (100n + tipPercent);
}

/** Lines that were announced, and that the observation may be the booking of. */
function amongPending(observation: Observation, free: readonly Candidate[]): Match | undefined {
  if (observation.status !== "booked") return undefined;
  const since = CivilDate.plus(observation.date, -pendingDays);
  const announced = free.filter(
    (line) =>
      line.status === "pending" &&
      line.date >= since &&
      line.date <= observation.date &&
      areAlike(line, observation),
  );
  const [exact] = announced.filter(({ amount }) => amount.minor === observation.amount.minor);
  if (exact) return told(exact, observation, "was-pending", "same-amount", "same-counterparty");
  const tipped = announced.filter(({ amount }) => isTipped(amount.minor, observation.amount.minor));
  return tipped.length > 0
    ? doubt(tipped, "was-pending", "same-counterparty", "other-amount")
    : undefined;
}

/** Lines of the same day and amount. */
function amongLookalikes(
  observation: Observation,
  free: readonly Candidate[],
  ids: IdHabit,
): Match | undefined {
  const lookalikes = free.filter((line) => isSame(line, observation));
  const [alike] = lookalikes.filter((line) => areAlike(line, observation));
  const hasId = observation.externalId !== undefined;
  const renamed = lookalikes.filter(
    (line) => hasId && line.externalId !== undefined && areAlike(line, observation),
  );
  const unnamed = lookalikes.filter((line) => hasId !== (line.externalId !== undefined));
  const plain = alike && !(hasId && alike.externalId !== undefined) ? alike : undefined;
  if (plain)
    return told(plain, observation, "without-id", "same-date", "same-amount", "same-counterparty");
  if (renamed.length > 0 && ids === "loose")
    return doubt(renamed, "other-id", "same-date", "same-amount", "same-counterparty");
  return unnamed.length > 0
    ? doubt(unnamed, "without-id", "same-date", "same-amount", "other-counterparty")
    : undefined;
}

/** Candidates, found by id, by day and amount, and where they are pending. */
class Known {
  readonly #byId = new Map<ExternalId, Map<LineId, Candidate>>();
  readonly #byMoney = new Map<string, Map<LineId, Candidate>>();
  readonly #pending = new Map<LineId, Candidate>();

  withId(id: ExternalId): readonly Candidate[] {
    return [...(this.#byId.get(id)?.values() ?? [])];
  }

  /** Of the day and amount of the observation, or pending; taken by no other. */
  free(observation: Observation): readonly Candidate[] {
    const alike = this.#byMoney.get(moneyOf(observation))?.values() ?? [];
    return [...new Set([...alike, ...this.#pending.values()])];
  }

  put(line: Candidate): void {
    for (const id of idsOf(line)) among(this.#byId, id).set(line.id, line);
    if (line.status === "removed" || line.isTaken || line.isNamed) return;
    among(this.#byMoney, moneyOf(line)).set(line.id, line);
    if (line.status === "pending") this.#pending.set(line.id, line);
  }

  drop(line: Candidate): void {
    for (const id of idsOf(line)) this.#byId.get(id)?.delete(line.id);
    this.#byMoney.get(moneyOf(line))?.delete(line.id);
    this.#pending.delete(line.id);
  }
}

/** All ids that a line was told under. */
const idsOf = ({ externalId, history }: Candidate): ReadonlySet<ExternalId> =>
  new Set([externalId, ...history.map((one) => one.externalId)].filter((id) => id !== undefined));

const moneyOf = ({ date, amount }: Pick<Line, "date" | "amount">) => `${date} ${amount.minor}`;

function among<K, V>(all: Map<K, Map<LineId, V>>, key: K): Map<LineId, V> {
  const found = all.get(key) ?? new Map<LineId, V>();
  all.set(key, found);
  return found;
}

/** A line that is taken back a second time stays away. */
const correcting = (line: Candidate, { action }: Correction): Match => ({
  outcome: line.status === "removed" && action === "delete" ? "matched" : "updated",
  line,
  because: ["corrects-it"],
});

function matchOne(observation: Observation, known: Known, ids: IdHabit): Match {
  const { externalId, corrects } = observation;
  const named = externalId === undefined ? [] : known.withId(externalId);
  const isTakenBack = corrects?.action === "delete" && corrects.of === externalId;
  if (corrects && (named.length === 0 || isTakenBack)) {
    const [corrected] = known.withId(corrects.of);
    if (corrected) return correcting(corrected, corrects);
    if (corrects.action === "delete") return { outcome: "ignored" };
  }
  if (named.length > 0) return amongNamed(observation, named, ids);
  const free = known.free(observation);
  const match = amongPending(observation, free) ?? amongLookalikes(observation, free, ids);
  return match ?? { outcome: "created" };
}

/** An observation with its id, and the id that its line gets if it is a new one. */
export type Observed = {
  readonly id: ObservationId;
  readonly observation: Observation;
  readonly newLineId: LineId;
};
export type Matched = Observed & { readonly match: Match };

type Rules = { readonly accountId: Line["accountId"]; readonly ids: IdHabit };

/**
 * Finds the lines that observations of one document are of, one after the other: what one makes is known to the next, and a line is
 * taken once. Those that are of a line without any doubt have it before the others look.
 */
export function matchAll(
  observed: readonly Observed[],
  candidates: readonly Candidate[],
  { accountId, ids }: Rules,
): { readonly matched: readonly Matched[]; readonly lines: ReadonlyMap<LineId, Line> } {
  const known = new Known();
  for (const candidate of candidates) known.put(candidate);
  const changed = new Map<LineId, Line>();
  const found = new Map<ObservationId, Match>();

  function settle({ id, observation, newLineId }: Observed): void {
    const match = matchOne(observation, known, ids);
    found.set(id, match);
    if (match.outcome === "doubtful" || match.outcome === "ignored") return;
    const before = match.outcome === "created" ? undefined : match.line;
    if (before) known.drop(before);
    const identity = { id: before?.id ?? newLineId, accountId, observationId: id };
    const isSaid = match.outcome === "matched" && before !== undefined;
    const isNamedNow = before?.externalId === undefined && observation.externalId !== undefined;
    const line = isSaid && !isNamedNow ? before : Line.told(identity, observation, before);
    if (line !== before) changed.set(line.id, line);
    const history = [...(before?.history ?? []), observation];
    known.put({ ...line, isTaken: true, isNamed: true, history });
  }

  const isCertain = ({ observation }: Observed): boolean =>
    observation.externalId !== undefined &&
    known
      .withId(observation.externalId)
      .some((line) => saysSo(line, observation) || hasSaid(line, observation));
  const certain = observed.filter(isCertain);
  for (const one of certain) settle(one);
  for (const one of observed) if (!found.has(one.id)) settle(one);
  return {
    matched: observed.map((one) => ({
      ...one,
      match: found.get(one.id) ?? { outcome: "created" },
    })),
    lines: changed,
  };
}
