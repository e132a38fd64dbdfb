import { type Versioned, Version } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
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
  /** The last generation that was given out again after the grace; 0 if none was. */
  readonly repeated: number;
};

export type LiveSession = SessionRecord & { readonly status: "live" };
export type EndedSession = SessionRecord & { readonly status: "ended"; readonly endedAt: Instant };
export type Session = LiveSession | EndedSession;

export type SessionLimits = {
  /** Unused for so long, it is over. */
  readonly idleMs: number;
  /** However much it is used. */
  readonly absoluteMs: number;
  /** How long any number of clients get the same successor for the token before the current one: tabs. */
  readonly graceMs: number;
};

type Changed<S extends Session> = Change<S, IdentityEvent>;

/** The outcome of exchanging a refresh token. */
export type Refreshed =
  | { readonly kind: "exchanged" | "repeated"; readonly change: Changed<LiveSession> }
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
        repeated: 0,
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
   * Exchanges the token of a generation. The token before it gets the same successor until that is used, because
   * the answer may have been lost. That is allowed once in a row after the grace: a thief who holds the same
   * tokens as the owner is noticed at the second exchange. Any other token was exchanged before.
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
    if (generation === session.generation - 1) {
      const isRepeated = session.repeated === session.generation;
      if (isRepeated || at < Instant.plus(session.lastUsedAt, limits.graceMs))
        return { kind: "repeated", change: unchanged(session) };
      if (session.repeated !== generation)
        return {
          kind: "repeated",
          change: {
            state: { ...session, repeated: session.generation },
            events: [SessionRefreshed({ sessionId, userId })],
          },
        };
    }
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
