import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { afterMs as at, newId, start } from "#test/values.ts";
import { SessionId } from "./ids.ts";
import { Session } from "./session.ts";
import { UserId } from "./user-id.ts";
import * as events from "./events.ts";

describe("a session", () => {
  const limits = { idleMs: 1_000, absoluteMs: 5_000, graceMs: 10 };
  const first = {
    id: newId(SessionId),
    userId: newId(UserId),
    factors: ["password" as const],
    device: { address: "::1", agent: "curl" },
    at: start,
  };
  const { id: sessionId, userId } = first;
  const session = saved(Session.start(first));

  test("lives until it was idle for long, or is old", () => {
    assert.deepEqual(Session.start(first).events, [
      events.SessionStarted({ sessionId, userId, factors: ["password"] }),
    ]);
    assert.equal(Session.isLive(session, at(999), limits), true);
    assert.equal(Session.isLive(session, at(1_000), limits), false);
    assert.equal(Session.isLive(undefined, start, limits), false);
    assert.equal(Session.endsAt({ ...session, lastUsedAt: at(4_500) }, limits), at(5_000));
    assert.equal(
      Session.isLive(Session.end(session, start, "deleted").state, at(1), limits),
      false,
    );
  });

  test("gives one successor for each token, and ends for a token of long ago", () => {
    const refresh = (generation: number, ms: number, current = session) =>
      Session.refresh(current, { generation, at: at(ms) }, limits);
    const next = refresh(1, 100);
    assert.ok(next.kind === "exchanged");
    assert.deepEqual(next.change, {
      state: { ...session, generation: 2, lastUsedAt: at(100) },
      events: [events.SessionRefreshed({ sessionId, userId })],
    });
    const second = saved(next.change);
    assert.deepEqual(refresh(1, 109, second), { kind: "repeated" });
    const ended = { ...second, status: "ended", endedAt: at(110) };
    const why = events.SessionEnded({ sessionId, userId, why: "token-reused" });
    const reused = { kind: "reused", change: { state: ended, events: [why] } };
    assert.deepEqual(refresh(1, 110, second), reused);
    assert.equal(refresh(0, 105, second).kind, "reused");
    assert.equal(refresh(7, 105, second).kind, "reused");
    assert.deepEqual(refresh(1, 1_000), { kind: "over" });
  });
});
