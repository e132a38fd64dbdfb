import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Context } from "#kernel/context.ts";
import { Version } from "#kernel/version.ts";
import { systemClock as clock, systemIds } from "#platform/system.ts";
import { testContext } from "#test/context.ts";
import { NoteId, retitled, written, type Note } from "#test/notes.ts";
import { memoryTwin, postgresTwin, programRuns, type Loss, type Twin } from "./testing/twins.ts";

const notesOfRun = 3;
const titles = ["a", "b", "c", "d", "a NUL \0", "half a character \ud800"] as const;
const units = 4;

type Write = { readonly note: number; readonly title: number; readonly isStale: boolean };
type Begin = {
  readonly kind: "begin";
  readonly unit: number;
  readonly reads: readonly number[];
  readonly lock: readonly number[];
  readonly key?: { readonly key: number; readonly fingerprint: number } | undefined;
  readonly isLate: boolean;
  readonly isAudited: boolean;
};
type Finish = {
  readonly kind: "finish";
  readonly unit: number;
  readonly writes: readonly Write[];
  readonly how: "ok" | "refuse" | "throw";
  readonly loss?: Loss | undefined;
};
type Step = Begin | Finish | { readonly kind: "read"; readonly note: number };

const small = (max: number) => fc.nat({ max: max - 1 });
const write = fc.record({
  note: small(notesOfRun),
  title: small(titles.length),
  isStale: small(6).map((n) => n === 0),
});
const begin: fc.Arbitrary<Begin> = fc.record({
  kind: fc.constant("begin" as const),
  unit: small(units),
  // A read: on Postgres, the work begins while its locks are waited for, and its reads wait.
  reads: fc.array(small(notesOfRun), { minLength: 1, maxLength: 2 }),
  lock: fc.uniqueArray(small(2), { maxLength: 2 }),
  key: fc.option(fc.record({ key: small(2), fingerprint: small(2) }), { nil: undefined, freq: 1 }),
  isLate: small(8).map((n) => n === 0),
  isAudited: fc.boolean(),
});
const finish: fc.Arbitrary<Finish> = fc.record({
  kind: fc.constant("finish" as const),
  unit: small(units),
  writes: fc.array(write, { maxLength: 3 }),
  how: fc.oneof(
    { weight: 6, arbitrary: fc.constant("ok" as const) },
    { weight: 1, arbitrary: fc.constant("refuse" as const) },
    { weight: 1, arbitrary: fc.constant("throw" as const) },
  ),
  loss: fc.option(fc.constantFrom("request" as const, "answer" as const), {
    nil: undefined,
    freq: 5,
  }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: begin },
  { weight: 4, arbitrary: finish },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("read" as const), note: small(3) }) },
);
const programs = fc.array(step, { minLength: 4, maxLength: 24 });

/** A unit of work that has begun, and waits for how it is to finish, or for a lock. */
type Open = {
  readonly begin: Begin;
  readonly finish: (how: Finish) => void;
  readonly hasStarted: () => boolean;
  readonly started: Promise<unknown>;
  readonly ended: Promise<string>;
};

const nameOf = (error: unknown): string =>
  error instanceof Error && error.name !== "Error" && error.name !== "DatabaseError"
    ? error.name
    : "Error";

/** Runs a program, and tells all that can be seen of it, without what differs from run to run. */
class Run {
  /** By unit of work, since one that waits for another may begin before that one's end is told. */
  readonly #seen = new Map<string, string[]>();
  readonly #twin: Twin;
  readonly #open = new Map<number, Open>();
  readonly #ids = Array.from({ length: notesOfRun }, () => systemIds(NoteId));
  readonly #announced: number;
  #hasLost = false;

  constructor(twin: Twin) {
    this.#twin = twin;
    this.#announced = twin.announcements();
  }

  async all(steps: readonly Step[]): Promise<readonly string[]> {
    for (const one of steps) await this.#step(one);
    while (this.#open.size > 0)
      for (const unit of this.#open.keys()) await this.#finish(endOf(unit));
    await this.#tellWhatIsLeft();
    return [...this.#seen]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([unit, lines]) => lines.map((line) => `${unit} ${this.#general(line)}`));
  }

  async #step(one: Step): Promise<void> {
    if (one.kind === "read") {
      const note = await this.#read(one.note);
      this.#tell("reader", `reads ${one.note}: ${shown(note)}`);
    } else if (one.kind === "begin") await this.#begin(one);
    else await this.#finish(one);
  }

  /** Without what is another one in each run. */
  #general(line: string): string {
    return this.#ids.reduce((text, id, i) => text.replaceAll(id, `note ${i}`), line);
  }

  #read(note: number): Promise<Note | undefined> {
    return this.#twin.read(testContext(), ({ notes }) => notes.byId(this.#id(note)));
  }

  /** Not where it would wait behind a unit that waits itself, or might be answered without a wait. */
  async #begin(one: Begin): Promise<void> {
    if (this.#open.has(one.unit)) return;
    const holders = [...this.#open.values()].filter(({ begin }) => shareLock(begin, one));
    if (holders.length > 1 || holders.some((holder) => !holder.hasStarted())) return;
    if (holders.length === 1 && one.key) return;
    const unit = this.#started(one);
    this.#open.set(one.unit, unit);
    if (holders.length === 0 || one.isLate) await this.#settled(one.unit, unit);
    else await sleep(5); // it is on its way to the lock
  }

  #started(one: Begin): Open {
    const [starting, finishing] = [Promise.withResolvers<void>(), Promise.withResolvers<Finish>()];
    let hasStarted = false;
    const context = contextOf(one, this.#ids[0] ?? "");
    const work = async ({ notes }: Parameters<Parameters<Twin["read"]>[1]>[0]) => {
      const loaded = new Map<number, Note | undefined>();
      for (const note of one.reads) {
        loaded.set(note, await notes.byId(this.#id(note)));
        this.#tell(`unit ${one.unit}`, `reads ${note}: ${shown(loaded.get(note))}`);
      }
      hasStarted = true;
      starting.resolve();
      const how = await finishing.promise;
      for (const { note, title, isStale } of how.writes) {
        const known = loaded.has(note) ? loaded.get(note) : await notes.byId(this.#id(note));
        const text = `${titles[title]} ${this.#ids[0]}`;
        const fresh = known ? retitled(known, text) : written(text, this.#id(note));
        const version = isStale && known ? Version.none : fresh.state.version;
        loaded.set(note, notes.save({ ...fresh, state: { ...fresh.state, version } }));
      }
      if (how.how === "throw") throw new Error("thrown");
      const outcome: Result<object, object> =
        how.how === "ok" ? ok({ wrote: how.writes.length }) : err({ type: "refused" });
      return outcome;
    };
    const lock = one.lock.map((name) => `${this.#ids[name]}`);
    const ended = this.#twin
      .unitOfWork(context, work, { lock })
      .then((outcome) => inOrder(outcome), nameOf);
    return {
      begin: one,
      finish: finishing.resolve,
      hasStarted: () => hasStarted,
      started: Promise.race([starting.promise, ended]),
      ended,
    };
  }

  /** Waits until it has started, or has ended without. */
  async #settled(number: number, unit: Open): Promise<void> {
    await unit.started;
    const ended = await Promise.race([unit.ended, Promise.resolve().then(() => undefined)]);
    if (unit.hasStarted() && ended === undefined) return;
    this.#tell(`unit ${number}`, `ends: ${await unit.ended}`);
    this.#open.delete(number);
  }

  async #finish(how: Finish): Promise<void> {
    const unit = this.#open.get(how.unit);
    if (!unit?.hasStarted()) return;
    const isLost = how.loss !== undefined && this.#canLose(how, unit);
    if (isLost && how.loss) this.#twin.lose(how.loss);
    this.#hasLost ||= isLost;
    unit.finish(how);
    const outcome = await unit.ended;
    this.#twin.lose(undefined);
    this.#open.delete(how.unit);
    // Whether a lost commit would have been refused, only one that was sent can tell.
    this.#tell(`unit ${how.unit}`, `ends: ${isLost ? "lost" : outcome}`);
    for (const [number, other] of this.#open)
      if (!other.hasStarted() && shareLock(other.begin, unit.begin))
        await this.#settled(number, other);
  }

  /** What is asked next on the line must be its commit. */
  #canLose({ writes: [first, ...others], how }: Finish, { begin }: Open): boolean {
    const isKnown = first !== undefined && first.title < 4 && begin.reads.includes(first.note);
    return (
      isKnown && others.length === 0 && how === "ok" && begin.lock.length === 0 && !begin.isLate
    );
  }

  #tell(unit: string, line: string): void {
    this.#seen.set(unit, [...(this.#seen.get(unit) ?? []), line]);
  }

  #id(note: number): NoteId {
    const id = this.#ids[note];
    if (!id) throw new Error(`there is no note ${note}`);
    return id;
  }

  async #tellWhatIsLeft(): Promise<void> {
    const { events, audit, announcements } = this.#twin;
    for (const note of this.#ids.keys())
      this.#tell("at last", `left ${note}: ${shown(await this.#read(note))}`);
    const mine = (await events()).filter(({ stream }) => this.#ids.some((id) => id === stream));
    for (const { stream, version, type, schemaVersion, payload, metadata } of mine)
      this.#tell("at last", inOrder({ stream, version, type, schemaVersion, payload, metadata }));
    for (const { operation, outcome, targets } of await audit.page(
      { actor: this.#ids[0] },
      { limit: 100 },
    ))
      this.#tell("at last", inOrder({ operation, outcome, targets }));
    if (!this.#hasLost)
      this.#tell("at last", `announced ${announcements() - this.#announced} times`);
  }
}

/** As JSON, with keys in one order: Postgres keeps another than they came in. */
const inOrder = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

const shareLock = (a: Begin, b: Begin): boolean => a.lock.some((name) => b.lock.includes(name));

const endOf = (unit: number): Finish => ({ kind: "finish", unit, writes: [], how: "ok" });

const shown = (note: Note | undefined): string => inOrder(note ?? "nothing");

const contextOf = ({ key, isLate, isAudited }: Begin, run: string): Context => ({
  ...testContext({ actor: run }),
  ...(isLate ? { deadlineMs: clock.unixMs() - 1 } : {}),
  ...(isAudited ? { operation: "scratch.write" } : {}),
  ...(key
    ? { idempotency: { key: `key ${key.key}`, fingerprint: `print ${key.fingerprint}` } }
    : {}),
});

test("memory and Postgres answer random programs alike", async () => {
  await using postgres = await postgresTwin();
  await using memory = memoryTwin();
  await fc.assert(
    fc.asyncProperty(programs, async (steps) => {
      const wanted = await new Run(postgres).all(steps);
      assert.deepEqual(await new Run(memory).all(steps), wanted);
    }),
    { numRuns: programRuns, timeout: 60_000 },
  );
});
