import { statement, type Database, type Session, type Statement } from "./database.ts";

/** A named statement that changes one row of `table`: the one whose key is its first value. */
export type Mutation = {
  readonly name: string;
  readonly table: string;
  readonly text: string;
};

export const mutation = (name: string, table: string, text: string): Mutation => ({
  name,
  table,
  text,
});

/** A mutation and its values. */
export type Write = { readonly mutation: Mutation; readonly values: readonly unknown[] };

/** More writes than this leave as a pipelined transaction: planning one statement costs more. */
const maxWritesInOneStatement = 8;
/** Each combination is prepared on each connection; past this many, new ones are pipelined. */
const maxCombinations = 256;

const combinations = new Map<string, Statement<never>>();

/**
 * Sends writes as one transaction in one round trip: as one statement of writable CTEs where they
 * touch different rows (all of its parts see the same snapshot), else as a pipelined transaction.
 */
export async function send(
  database: Database,
  writes: readonly Write[],
  deadlineMs: number,
): Promise<void> {
  const combined = combine(writes);
  if (combined) {
    const values = writes.flatMap((write) => write.values);
    await database.query(combined, values, deadlineMs);
    return;
  }
  await database.session(async (session) => {
    const sent = [session.run("begin"), ...writes.map((write) => perform(session, write))];
    await settled([...sent, session.run("commit")]);
  }, deadlineMs);
}

/** Sends one write on a connection that is inside a transaction. */
export async function perform(
  session: Session,
  { mutation: { name, text }, values }: Write,
): Promise<void> {
  await session.query({ name, text }, values);
}

/** Waits for all answers of a pipeline; throws the first failure, which made the others fail. */
export async function settled(sent: readonly Promise<unknown>[]): Promise<void> {
  const answers = await Promise.allSettled(sent);
  const failure = answers.find((answer) => answer.status === "rejected");
  if (failure) throw failure.reason;
}

function combine(writes: readonly Write[]): Statement<never> | undefined {
  if (writes.length > maxWritesInOneStatement) return undefined;
  if (writes.some((write, i) => writes.slice(0, i).some((earlier) => sameRow(write, earlier))))
    return undefined;

  const key = writes.map(({ mutation: { name } }) => name).join(" ");
  const known = combinations.get(key);
  if (known) return known;
  if (combinations.size >= maxCombinations) return undefined;

  const combined = statement(`writes-${combinations.size}`, asOneStatement(writes));
  combinations.set(key, combined);
  return combined;
}

const sameRow = (a: Write, b: Write): boolean =>
  a.mutation.table === b.mutation.table && a.values[0] === b.values[0];

function asOneStatement(writes: readonly Write[]): string {
  let used = 0;
  const texts = writes.map(({ mutation: { text }, values }) => {
    const offset = used;
    used += values.length;
    return text.replaceAll(/\$(\d+)/g, (_, index) => `$${Number(index) + offset}`);
  });
  const main = texts.pop();
  if (texts.length === 0) return main ?? "";
  return `with ${texts.map((text, i) => `w${i} as (${text})`).join(",\n")}\n${main}`;
}
