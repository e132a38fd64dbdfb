import { CivilDate } from "#kernel/civil-date.ts";
import type { LineId, ObservationId } from "./ids.ts";
import { Line } from "./line.ts";
import type { ExternalId, Observation } from "./observation.ts";
import type { IdHabit } from "./provider.ts";

/** A line that an observation may be of. */
export type Candidate = Line & {
  /** An observation of the same document is of this line already. */
  readonly isTaken: boolean;
  /** The document has an observation with the id of the line. */
  readonly isNamed: boolean;
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
  | "corrects-it";

export type Suspect = { readonly lineId: LineId; readonly because: readonly Because[] };

/** What becomes of an observation. A doubtful one waits for a decision. */
export type Match =
  | { readonly outcome: "created" }
  | {
      readonly outcome: "matched" | "updated";
      readonly line: Line;
      readonly because: readonly Because[];
    }
  | { readonly outcome: "doubtful"; readonly suspects: readonly Suspect[] };

/** A line that was announced is booked so many days later, at most. */
export const pendingDays = 8;
/** A booked amount may be so many per cent more than the announced one: a tip. */
const tipPercent = 50n;
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

const isSame = (line: Line, { date, amount, status }: Observation): boolean =>
  line.date === date && line.amount.minor === amount.minor && line.status === status;

const doubt = (suspects: readonly Line[], ...because: readonly Because[]): Match => ({
  outcome: "doubtful",
  suspects: suspects.map(({ id }) => ({ lineId: id, because })),
});

/** Says nothing new where everything is known, and else that the line changes. */
const told = (line: Line, observation: Observation, ...because: readonly Because[]): Match => ({
  outcome: isSame(line, observation) && areAlike(line, observation) ? "matched" : "updated",
  line,
  because,
});

/** Lines with the id of the observation: there is at least one. */
function amongNamed(observation: Observation, named: readonly Candidate[], ids: IdHabit): Match {
  const alike = named.find((line) => isSame(line, observation) && areAlike(line, observation));
  const isOther = (line: Candidate) => ids === "loose" && line.isTaken;
  const same = alike ?? named.find((line) => isSame(line, observation) && !isOther(line));
  if (same) return told(same, observation, "same-id");
  const [first] = named;
  const changed =
    named.find(({ status }) => status === "pending") ?? (ids === "stable" ? first : undefined);
  if (changed) return told(changed, observation, "same-id", "other-content");
  const free = named.filter(({ isTaken }) => !isTaken);
  const worded = free.filter(({ amount }) => amount.minor === observation.amount.minor);
  const [moved] = worded;
  if (moved && worded.length === 1) return told(moved, observation, "same-id", "same-amount");
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
    return [...new Set([...alike, ...this.#pending.values()])].filter(
      ({ isTaken, isNamed }) => !isTaken && !isNamed,
    );
  }

  put(line: Candidate): void {
    if (line.externalId !== undefined) among(this.#byId, line.externalId).set(line.id, line);
    among(this.#byMoney, moneyOf(line)).set(line.id, line);
    if (line.status === "pending") this.#pending.set(line.id, line);
  }

  drop({ id, externalId, ...line }: Line): void {
    if (externalId !== undefined) this.#byId.get(externalId)?.delete(id);
    this.#byMoney.get(moneyOf(line))?.delete(id);
    this.#pending.delete(id);
  }
}

const moneyOf = ({ date, amount }: Pick<Line, "date" | "amount">) => `${date} ${amount.minor}`;

function among<K, V>(all: Map<K, Map<LineId, V>>, key: K): Map<LineId, V> {
  const found = all.get(key) ?? new Map<LineId, V>();
  all.set(key, found);
  return found;
}

function matchOne(observation: Observation, known: Known, ids: IdHabit): Match {
  const { externalId, corrects } = observation;
  if (corrects) {
    const [corrected] = known.withId(corrects.of);
    if (corrected) return { outcome: "updated", line: corrected, because: ["corrects-it"] };
    if (corrects.action === "delete") return doubt([], "corrects-it");
  }
  const named = externalId === undefined ? [] : known.withId(externalId);
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
    if (match.outcome === "doubtful") return;
    const before = match.outcome === "created" ? undefined : match.line;
    const identity = { id: before?.id ?? newLineId, accountId, observationId: id };
    const line = Line.told(identity, observation, before);
    if (match.outcome !== "matched" || line.externalId !== before?.externalId)
      changed.set(line.id, line);
    if (before) known.drop(before);
    if (line.status !== "removed") known.put({ ...line, isTaken: true, isNamed: true });
  }

  const byContent = Map.groupBy(
    candidates,
    (line) => `${line.externalId} ${moneyOf(line)} ${line.status}`,
  );
  const isCertain = ({ observation }: Observed): boolean => {
    const { externalId, status } = observation;
    const alike = byContent.get(`${externalId} ${moneyOf(observation)} ${status}`) ?? [];
    return externalId !== undefined && alike.some((line) => areAlike(line, observation));
  };
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
