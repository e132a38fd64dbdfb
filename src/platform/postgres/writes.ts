import {
  statement,
  type Database,
  type Parameter,
  type Session,
  type Statement,
} from "./database.ts";

/** A named statement that changes rows of `table`. */
export type Mutation = {
  readonly name: string;
  readonly table: string;
  readonly text: string;
  /** Rows of this table meet only where the first value, their key, is the same. */
  readonly independent: boolean;
};

export const mutation = (name: string, table: string, text: string): Mutation => ({
  ...statement(name, text),
  table,
  independent: false,
});

/**
 * A mutation of one row, whose key is its first value, in a table with no other unique value and no
 * order of its own: several may leave as one statement, whose parts run in any order.
 */
export const independentMutation = (name: string, table: string, text: string): Mutation => ({
  ...statement(name, text),
  table,
  independent: true,
});

/** In place of a table: sees what the writes before it did, and is seen by those after it. */
export const inTurn = "*";

/** A mutation and its values. */
export type Write = { readonly mutation: Mutation; readonly values: readonly Parameter[] };

/** More writes than this in one statement cost more to plan than they save. */
export const maxWritesInOneStatement = 8;
/** Each combination is prepared on each connection; past this many, writes go one by one. */
const maxCombinations = 256;

const combinations = new Map<string, Statement<never>>();

/**
 * Sends writes as one transaction in one round trip: as one statement of writable CTEs where they
 * do not meet (all of its parts see the same snapshot), else as a pipelined transaction.
 */
export async function send(
  database: Database,
  writes: readonly Write[],
  deadlineMs: number,
): Promise<void> {
  const [first, ...more] = combined(writes);
  if (first && more.length === 0) {
    await database.query(first.statement, first.values, deadlineMs);
    return;
  }
  await database.session(
    (session) => settled([session.run("begin"), ...perform(session, writes), session.commit()]),
    deadlineMs,
  );
}

/** Sends writes, in order, on a connection that is inside a transaction. */
export const perform = (session: Session, writes: readonly Write[]): readonly Promise<unknown>[] =>
  combined(writes).map(({ statement: query, values }) => session.query(query, values));

/** Waits for all answers of a pipeline; throws the first failure, which made the others fail. */
export async function settled(sent: readonly Promise<unknown>[]): Promise<void> {
  const answers = await Promise.allSettled(sent);
  const failure = answers.find((answer) => answer.status === "rejected");
  if (failure) throw failure.reason;
}

type Sent = { readonly statement: Statement<never>; readonly values: readonly Parameter[] };

/** Merges writes into as few statements as can do the same in the same order. */
function combined(writes: readonly Write[]): readonly Sent[] {
  const sent: Sent[] = [];
  for (let first = 0; first < writes.length;) {
    const group = separate(writes, first);
    const together = group.length > 1 ? combination(group) : undefined;
    if (together) sent.push({ statement: together, values: group.flatMap(({ values }) => values) });
    else for (const { mutation: query, values } of group) sent.push({ statement: query, values });
    first += group.length;
  }
  return sent;
}

/** Writes from the first on, until one meets another: the parts of a statement have no order. */
function separate(writes: readonly Write[], first: number): readonly Write[] {
  const group = writes.slice(first, first + maxWritesInOneStatement);
  const meets = group.findIndex((write, i) =>
    group.slice(0, i).some((earlier) => meet(earlier, write)),
  );
  return meets === -1 ? group : group.slice(0, meets);
}

const meet = (a: Write, b: Write): boolean =>
  [a, b].some(({ mutation: { table } }) => table === inTurn) ||
  (a.mutation.table === b.mutation.table &&
    !(a.mutation.independent && b.mutation.independent && a.values[0] !== b.values[0]));

function combination(group: readonly Write[]): Statement<never> | undefined {
  const key = group.map(({ mutation: { name } }) => name).join(" ");
  const known = combinations.get(key);
  if (known || combinations.size >= maxCombinations) return known;

  const made = statement(`writes-${combinations.size}`, asOneStatement(group));
  combinations.set(key, made);
  return made;
}

function asOneStatement(writes: readonly Write[]): string {
  let used = 0;
  const texts = writes.map(({ mutation: { text }, values }) => {
    const offset = used;
    used += values.length;
    return text.replaceAll(/\$(\d+)/g, (_, index) => `$${Number(index) + offset}`);
  });
  const main = texts.pop();
  return `with ${texts.map((text, i) => `w${i} as (${text})`).join(",\n")}\n${main}`;
}
