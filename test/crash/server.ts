// A Basalt and the campaign's own context, with a defect planted: what the campaign must catch.
import { setTimeout as sleep } from "node:timers/promises";
import {
  Database,
  type Parameter,
  type Session,
  type Statement,
} from "#platform/postgres/database.ts";
import { ParkedStreams } from "#platform/events/parked-streams.ts";
import { jsonLog } from "#platform/telemetry/log.ts";
import { Deferred, TimedOut, Unavailable } from "#platform/unavailable.ts";
import { chosenOf, serveDefective, spoiledBy, type Spoil } from "../support/defective.ts";
import type { AnyConsumer } from "#platform/events/consumer.ts";
import { tread } from "./trails/tread.ts";
import type { Trails } from "./trails/trails.ts";

/** Long enough for a crash to fall between two steps that should be one. */
const gapMs = 100;

type Query = Database["query"];
type Asked<Row> = [Statement<Row>, readonly Parameter[], number?];

/** Lets every statement on no session of its own pass through `change`. */
function interceptQueries(change: (ask: Query) => Query): void {
  const original = Database.prototype.query;
  Database.prototype.query = function query(this: Database, ...args) {
    return change(original.bind(this))(...args);
  };
}

/** Lets every session behave as `change` says. */
function interceptSessions(
  change: (database: Database, session: Session) => Partial<Session>,
): void {
  const original = Database.prototype.session;
  Database.prototype.session = function session(this: Database, work, deadlineMs) {
    return original.call(
      this,
      (inner) => work({ ...inner, ...change(this, inner) }),
      deadlineMs,
    ) as ReturnType<typeof work>;
  };
}

const effects = /(insert into|update|delete from) catalog_search\./;
/** What moves the money of a record. */
const moved = /insert into accounts\.movements\s+select \* from accounts\.move\([^)]*\)/;
const appended = /insert into \w+\.events\s*\([^)]*\)\s*values \([^)]*\)(?:, \([^)]*\))*/;

const parameter = /\$(\d+)(::[\w[\]]+)?/g;

/** Lets the part of a statement that matches leave a moment later, in a transaction of its own. */
function letLeaveLater(part: RegExp): void {
  interceptQueries((ask) => async <Row>(...[statement, values, deadlineMs]: Asked<Row>) => {
    const [found] = part.exec(statement.text) ?? [];
    if (found === undefined) return ask(statement, values, deadlineMs);
    const parameters = [...found.matchAll(parameter)];
    const none = `select ${parameters.map(([, n, cast = "::text"]) => `$${n}${cast}`).join(", ")}`;
    const text = statement.text.replace(found, () => none);
    const rows = await ask<Row>({ name: "", text }, values, deadlineMs);
    await sleep(gapMs);
    const numbers = [...new Set(parameters.map(([, n]) => Number(n)))];
    const alone = found.replaceAll(/\$(\d+)/g, (_, n) => `$${numbers.indexOf(Number(n)) + 1}`);
    await ask(
      { name: "", text: alone },
      numbers.map((n) => values[n - 1] ?? null),
      deadlineMs,
    );
    return rows;
  });
}

/** Lets the text of every statement pass through `change`. */
function interceptTexts(change: (text: string) => string): void {
  const changed = <Row>({ name, text }: Statement<Row>): Statement<Row> => ({
    name,
    text: change(text),
  });
  interceptQueries(
    (ask) =>
      <Row>(...[one, values, deadlineMs]: Asked<Row>) =>
        ask(changed(one), values, deadlineMs),
  );
  interceptSessions((_database, session) => ({
    query: (one, values) => session.query(changed(one), values),
  }));
}

/** Which release of the campaign's own context this is. */
const release = Number(process.env["TRAIL_RELEASE"] ?? 1);

let knowsAll = false;

/** Takes what its code does not know for something that it does not want. */
const unaware = (consumer: AnyConsumer<Trails>): AnyConsumer<Trails> => ({
  ...consumer,
  knows: () => true,
  wants: (type) => consumer.wants(type) && consumer.knows({ type, schemaVersion: 1 }),
});

/** Each is planted before the server starts; one hurts requests as well. */
const defects: Readonly<Record<string, () => Spoil | void>> = {
  "": () => {},

  /** Rows and events leave in two transactions. */
  "commit-before-append": () => letLeaveLater(appended),

  /** A transfer leaves in one transaction, and its money moves in another. */
  "transfer-before-money": () => letLeaveLater(moved),

  /** What was asked before is done again. */
  "no-inbox":
    () =>
    ({ headers }) => {
      delete headers["idempotency-key"];
    },

  /** Readers go by what they see first, not by what can no longer change; some writers are slow. */
  "bare-sequence": () => {
    interceptSessions((_database, session) => ({
      async commit() {
        await sleep(Math.random() * gapMs);
        await session.commit();
      },
    }));
    interceptQueries((ask) => async <Row>(...asked: Asked<Row>) => {
      const [one, ...more] = asked;
      const text = one.text.replace("greatest(h.horizon, ", "greatest(h.head, ");
      return ask<Row>({ ...one, text }, ...more);
    });
  },

  /** What a reader does is kept before how far it is. */
  "effect-before-checkpoint": () =>
    interceptSessions((database, session) => {
      let before: Promise<unknown> = Promise.resolve();
      const after = <T>(work: () => Promise<T>): Promise<T> => {
        const done = before.then(work);
        before = done.catch(() => {});
        return done;
      };
      return {
        query: (statement, values) =>
          effects.test(statement.text)
            ? after(() => database.query(statement, values)).finally(() => sleep(gapMs))
            : after(() => session.query(statement, values)),
        commit: () => after(() => session.commit()),
      };
    }),

  /** How far a reader is, is kept before what it does about it. */
  "checkpoint-before-effect": () =>
    interceptSessions((database, session) => {
      const later: (() => Promise<unknown>)[] = [];
      return {
        query(statement, values) {
          if (!effects.test(statement.text)) return session.query(statement, values);
          later.push(() => database.query(statement, values));
          return Promise.resolve([]);
        },
        async commit() {
          await session.commit();
          if (later.length > 0) await sleep(gapMs);
          for (const effect of later) await effect();
        },
      };
    }),

  /** What comes after a parked event is forgotten once that one is done. */
  "passed-over": () => {
    ParkedStreams.prototype.passed = () => undefined;
  },

  /** One mailbox that is full counts as a server that is away. */
  "refused-is-away": () => {
    Object.setPrototypeOf(Deferred.prototype, Unavailable.prototype);
  },

  /** A statement that takes too long counts as a database that is away. */
  "slow-is-away": () => {
    Object.defineProperty(TimedOut, Symbol.hasInstance, { value: () => false });
  },

  /** A process passes over events that only a newer one knows. */
  "unknown-is-unwanted": () => {
    knowsAll = true;
  },

  /** Releases divide the streams into slots of other numbers. */
  "other-slots": () =>
    interceptTexts((text) =>
      text.replaceAll(
        "hashtextextended(stream, 0) % 64",
        `hashtextextended(stream, 0) % ${64 - (release % 2)}`,
      ),
    ),

  /** Who has lost a slot goes on with it. */
  "no-fencing": () =>
    interceptTexts((text) => text.replaceAll("trail.advance(", "trail.advance_anyway(")),
};

const spoil = chosenOf(defects)();
await serveDefective((basalt) => {
  if (spoil) spoiledBy(spoil)(basalt);
  const treading = tread({
    databaseUrl: process.env["BASALT_DATABASE_URL"] ?? "",
    receiver: process.env["TRAIL_RECEIVER"] ?? "",
    release,
    log: jsonLog("warn").log,
    alter: (consumer) => (knowsAll ? unaware(consumer) : consumer),
  });
  return { [Symbol.asyncDispose]: async () => (await treading)[Symbol.asyncDispose]() };
});
