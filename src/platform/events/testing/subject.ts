import { pino } from "pino";
import type { Context } from "#kernel/context.ts";
import type { Recorded } from "#kernel/event.ts";
import { expect, ok } from "#kernel/result.ts";
import type { UnitOfWork } from "#kernel/unit-of-work.ts";
import { systemClock as clock, systemTimers as timers } from "#platform/system.ts";
import { testContext } from "#test/context.ts";
import {
  noteEvents,
  retitled,
  written,
  type Note,
  type NoteEvent,
  type NotesScope,
  type Sighting,
} from "#test/notes.ts";
import { until } from "#test/until.ts";
import { consumer, outsideConsumer, type AnyConsumer } from "../consumer.ts";
import type { Member, ParkedStream, SubscriptionStore } from "../subscription-store.ts";
import { Subscription, type Observer, type SubscriptionLimits } from "../subscription.ts";
import type { WakeUp } from "../wake-up.ts";

/** The subject of the contracts of subscriptions: the twins differ only here. */
export type SubscriptionSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<NotesScope>;
  readonly wakeUp: WakeUp;
  /** A store of its own for each process. */
  readonly store: (name: string) => SubscriptionStore<NotesScope>;
  /** The effects of consumers, in the order in which they were committed. */
  readonly sightings: () => Promise<readonly Sighting[]>;
  readonly parked: (name: string) => Promise<readonly ParkedStream[]>;
  readonly slots: (name: string) => Promise<readonly KeptSlot[]>;
  /** Lets all dead letters be tried again, or a stream that waits. */
  readonly replay: (stream?: string) => Promise<void>;
};

/** A slot as it is kept. */
export type KeptSlot = { readonly holder: string | null; readonly position: number };

export type Open = () => Promise<SubscriptionSubject>;

export const quick: Partial<SubscriptionLimits> = {
  leaseMs: 300,
  pollMs: 20,
  retryMs: 5,
  maxRetryMs: 20,
  maxAttempts: 3,
  outageRetryMs: 20,
  drainMs: 200,
};

export const write = async (
  { unitOfWork }: Pick<SubscriptionSubject, "unitOfWork">,
  title: string,
): Promise<Note> =>
  expect(await unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(title)))));

export const rewrite = async (
  { unitOfWork }: Pick<SubscriptionSubject, "unitOfWork">,
  note: Note,
  title: string,
): Promise<Note> =>
  expect(
    await unitOfWork(testContext(), async ({ notes }) => ok(notes.save(retitled(note, title)))),
  );

/** Until so many effects are committed. */
export const seen = (subject: SubscriptionSubject, count: number) =>
  until(async () => (await subject.sightings()).length >= count, `${count} sightings`);

type NoteWritten = Recorded<NoteEvent>;
export type Handle = (event: NoteWritten, scope: NotesScope, context: Context) => unknown;

type Running = {
  readonly name?: string;
  readonly process?: string;
  readonly times?: Partial<SubscriptionLimits>;
  readonly store?: SubscriptionStore<NotesScope>;
  readonly batchSize?: number;
  readonly observer?: Observer;
};

/** A consumer that keeps what it has seen, as rows, unless its handler throws. */
export const sighting = (
  name: string,
  handle: Handle = () => {},
  more: { readonly batchSize?: number } = {},
) =>
  consumer<NoteEvent, NotesScope>({
    name,
    events: noteEvents,
    ...more,
    on: {
      "scratch.note-written": async (event, scope, context) => {
        await handle(event, scope, context);
        const { id, stream, version } = event;
        scope.notes.sight({ event_id: `${name} ${id}`, stream, version });
      },
    },
  });

/** A consumer that tells the outside. */
export const telling = (
  name: string,
  deliver: (event: NoteWritten) => Promise<void>,
  concurrency?: number,
) =>
  outsideConsumer<NoteEvent, NoteWritten>({
    name,
    events: noteEvents,
    deliver,
    ...(concurrency === undefined ? {} : { concurrency }),
    on: { "scratch.note-written": async (event) => event },
  });

export const run = (
  subject: SubscriptionSubject,
  reading: AnyConsumer<NotesScope>,
  {
    process = "one",
    times = {},
    store = subject.store(reading.name),
    observer = { handled: () => {} },
  }: Running = {},
): Subscription<NotesScope> =>
  new Subscription({
    consumer: reading,
    store,
    process,
    clock,
    timers,
    chance: Math.random,
    wakeUp: subject.wakeUp,
    log: pino({ level: "silent" }),
    observer,
    times: { ...quick, ...times },
  }).start();

/** Runs `sighting` with a handler. */
export const subscribe = (
  subject: SubscriptionSubject,
  handle?: Handle,
  { name = "sight", batchSize, ...more }: Running = {},
): Subscription<NotesScope> =>
  run(subject, sighting(name, handle, batchSize === undefined ? {} : { batchSize }), more);

export const memberOf = (process: string, more: Partial<Member> = {}): Member => ({
  process,
  declaration: "same",
  leaseMs: 60_000,
  ...more,
});

/** The versions of one stream, in the order in which their effects were committed. */
export const versionsOf = (sightings: readonly Sighting[], id: string): readonly number[] =>
  sightings.filter(({ stream }) => stream === id).map(({ version }) => version);
