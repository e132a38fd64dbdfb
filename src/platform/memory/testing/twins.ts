import { Database } from "#platform/postgres/database.ts";
import { systemClock as clock } from "#platform/system.ts";
import type { UnitOfWorkSubject } from "#platform/unit-of-work.contract.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { testDatabase } from "#test/database.ts";
import { proxyOf } from "#test/proxy.ts";
import { memorySubject } from "../../events/testing/memory-subject.ts";
import { subjectOn } from "../../events/testing/postgres-subject.ts";
import type { SubscriptionSubject } from "../../events/testing/subject.ts";

/** The point at which the connection breaks while a commit is on its way. */
export type Loss = "request" | "answer";
/** The subject of random programs, whose line to the database can be cut. */
export type Twin = SubscriptionSubject &
  UnitOfWorkSubject & { readonly lose: (what: Loss | undefined) => void };

export function memoryTwin(): Twin {
  let loss: Loss | undefined;
  const at = (place: Loss) => async () => {
    if (loss !== place) return;
    loss = undefined;
    throw new Unavailable("The connection broke", {});
  };
  const subject = memorySubject({ committing: at("request"), answering: at("answer") });
  return { ...subject, lose: (what) => void (loss = what) };
}

/** On a database of its own, with a line that can be cut. */
export async function postgresTwin(): Promise<Twin> {
  await using undo = new AsyncDisposableStack();
  const opened = undo.use(await testDatabase());
  const { host = "", port = 0 } = opened.connection;
  const listen = { host: "127.0.0.1", port: 0 };
  const proxy = undo.use(await proxyOf({ server: { host, port }, listen }));
  const database = undo.use(
    new Database({
      connection: { ...opened.connection, host: "127.0.0.1", port: proxy.port },
      clock,
      maxConnections: 10,
      acquireTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 30_000,
    }),
  );
  const subject = subjectOn({ database, [Symbol.asyncDispose]: async () => {} });
  const running = undo.move();
  return { ...subject, lose: proxy.lose, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** So many programs are drawn; `npm test` has time for a few. */
export const programRuns = Number(process.env["BASALT_TEST_TWIN_RUNS"] ?? 40);
