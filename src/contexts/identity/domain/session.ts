import { type Versioned, Version } from "#kernel/version.ts";
import type { Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { SessionEnded, SessionRefreshed, SessionStarted, type IdentityEvent } from "./events.ts";
import type { EndReason, Factor } from "./factor.ts";
import type { SessionId } from "./ids.ts";
import type { UserId } from "./user-id.ts";

/** The device of a session, as the client describes it. */
export type Device = { readonly address: string; readonly agent: string };

type SessionRecord = Versioned & {
  readonly id: SessionId;
  readonly userId: UserId;
  readonly factors: readonly Factor[];
  readonly device: Device;
  readonly startedAt: Instant;
  /** When its refresh token was last exchanged. */
  readonly lastUsedAt: Instant;
  /** Which refresh token is the current one: each exchange counts one up. */
  readonly generation: number;
};

export type LiveSession = SessionRecord & { readonly status: "live" };
export type EndedSession = SessionRecord & { readonly status: "ended"; readonly endedAt: Instant };
export type Session = LiveSession | EndedSession;

export type SessionLimits = {
  /** Unused for so long, it is over. */
  readonly idleMs: number;
  /** However much it is used. */
  readonly absoluteMs: number;
  /** How long the token before the current one gets the same successor: two tabs, a lost answer. */
  readonly graceMs: number;
};

type Changed<S extends Session> = Change<S, IdentityEvent>;

/** The outcome of exchanging a refresh token. */
export type Refreshed =
  | { readonly kind: "exchanged"; readonly change: Changed<LiveSession> }
  | { readonly kind: "repeated" }
  | { readonly kind: "reused"; readonly change: Changed<EndedSession> }
  | { readonly kind: "over" };

export const Session = {
  start({
    at,
    ...start
  }: Pick<Session, "id" | "userId" | "factors" | "device"> & {
    readonly at: Instant;
  }): Changed<LiveSession> {
    const { id, userId, factors } = start;
    return {
      state: {
        ...start,
        status: "live",
        startedAt: at,
        lastUsedAt: at,
        generation: 1,
        version: Version.none,
      },
      events: [SessionStarted({ sessionId: id, userId, factors })],
    };
  },

  /** When the session expires unless its token is exchanged. */
  endsAt(session: Session, { idleMs, absoluteMs }: SessionLimits): Instant {
    const idle = Instant.plus(session.lastUsedAt, idleMs);
    const absolute = Instant.plus(session.startedAt, absoluteMs);
    return idle < absolute ? idle : absolute;
  },

  isLive(session: Session | undefined, at: Instant, limits: SessionLimits): session is LiveSession {
    return session?.status === "live" && at < Session.endsAt(session, limits);
  },

  /**
   * Exchanges the token of a generation. The one before the current gets the same successor for a
   * short while; any other was exchanged before: two hold it, and nobody knows who is the thief.
   */
  refresh(
    session: Session,
    { generation, at }: { readonly generation: number; readonly at: Instant },
    limits: SessionLimits,
  ): Refreshed {
    if (!Session.isLive(session, at, limits)) return { kind: "over" };
    const { id: sessionId, userId } = session;
    if (generation === session.generation)
      return {
        kind: "exchanged",
        change: {
          state: { ...session, generation: generation + 1, lastUsedAt: at },
          events: [SessionRefreshed({ sessionId, userId })],
        },
      };
    const inGrace = at < Instant.plus(session.lastUsedAt, limits.graceMs);
    if (generation === session.generation - 1 && inGrace) return { kind: "repeated" };
    return { kind: "reused", change: Session.end(session, at, "token-reused") };
  },

  end(session: LiveSession, at: Instant, why: EndReason): Changed<EndedSession> {
    const { id: sessionId, userId } = session;
    return {
      state: { ...session, status: "ended", endedAt: at },
      events: [SessionEnded({ sessionId, userId, why })],
    };
  },
};
