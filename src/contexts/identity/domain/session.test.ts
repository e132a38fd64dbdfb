import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { afterMs as at, newId, start } from "#test/values.ts";
import { SessionId } from "./ids.ts";
import { Session, type LiveSession } from "./session.ts";
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
    const again = { kind: "repeated", change: { state: second, events: [] } };
    assert.deepEqual(refresh(1, 109, second), again);
    const third = saved({ state: { ...second, generation: 3 }, events: [] });
    const ended = { ...third, status: "ended", endedAt: at(101) };
    const why = events.SessionEnded({ sessionId, userId, why: "token-reused" });
    const reused = { kind: "reused", change: { state: ended, events: [why] } };
    assert.deepEqual(refresh(1, 101, third), reused);
    assert.equal(refresh(0, 105, second).kind, "reused");
    assert.equal(refresh(7, 105, second).kind, "reused");
    assert.deepEqual(refresh(1, 1_000), { kind: "over" });
  });

  test("gives the same successor late once in a row, until that is used", () => {
    const refresh = (current: LiveSession, generation: number, ms: number) => {
      const outcome = Session.refresh(current, { generation, at: at(ms) }, limits);
      return outcome.kind === "over"
        ? outcome
        : { ...outcome, state: saved<Session>(outcome.change) };
    };
    const live = (outcome: ReturnType<typeof refresh>, kind: string) => {
      assert.ok(outcome.kind === kind && "state" in outcome && outcome.state.status === "live");
      return outcome.state;
    };
    const second = live(refresh(session, 1, 100), "exchanged");
    const late = live(refresh(second, 1, 500), "repeated");
    assert.deepEqual(live(refresh(late, 1, 600), "repeated"), late);
    const third = live(refresh(late, 2, 700), "exchanged");
    assert.deepEqual(live(refresh(third, 2, 705), "repeated"), third);
    assert.equal(refresh(third, 2, 710).kind, "reused");
    assert.equal(refresh(third, 1, 701).kind, "reused");
    const fourth = live(refresh(third, 3, 800), "exchanged");
    live(refresh(fourth, 3, 900), "repeated");
  });
});
