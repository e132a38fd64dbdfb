import { Flag, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { list, oneOf, opaque, named, shape, type Infer } from "#kernel/shape.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import { EndSession, EndSessions } from "../application/sessions/end-sessions.ts";
import { ListSessions, type ListedSession } from "../application/sessions/list-sessions.ts";
import { BeginPasskeySignIn, SignInWithPasskey } from "../application/credentials/passkeys.ts";
import { RefreshSession } from "../application/sessions/refresh-session.ts";
import { SignIn } from "../application/sessions/sign-in.ts";
import type { SignedIn } from "../application/sessions/start-session.ts";
import { Factor } from "../domain/factor.ts";
import type { LiveSession } from "../domain/session.ts";
import { SessionId } from "../domain/ids.ts";
import { UserId } from "../domain/user-id.ts";
import type { Identity } from "../index.ts";

const Text = text(2_000);
const maxFactors = 2;
const maxListed = 100;

const SignedInView = named(
  "SignedIn",
  shape({
    sessionId: SessionId,
    userId: UserId,
    tokenType: oneOf("Bearer"),
    accessToken: Text,
    accessTokenExpiresAt: Instant,
    refreshToken: Text,
    refreshTokenExpiresAt: Instant,
  }),
);

const toSignedIn = ({ session, ...tokens }: SignedIn): Infer<typeof SignedInView> => ({
  sessionId: session.id,
  userId: session.userId,
  tokenType: "Bearer",
  ...tokens,
});

const session = {
  id: SessionId,
  factors: list(Factor, maxFactors),
  address: Text,
  agent: Text,
  startedAt: Instant,
  lastUsedAt: Instant,
};
export const SessionView = named("Session", shape(session));
const ListedSessionView = named("ListedSession", shape({ ...session, isCurrent: Flag }));
const SessionsView = named("Sessions", shape({ items: list(ListedSessionView, maxListed) }));

export const toSessionView = (session: LiveSession): Infer<typeof SessionView> => {
  const { id, factors, device, startedAt, lastUsedAt } = session;
  return { id, factors, ...device, startedAt, lastUsedAt };
};
const toListed = (listed: ListedSession): Infer<typeof ListedSessionView> => ({
  ...toSessionView(listed),
  isCurrent: listed.isCurrent,
});

const signInRoutes = (identity: Identity): readonly Route[] => [
  post("/sessions", {
    access: "public",
    attempts: { name: "sign-in", account: "email", forgive: true },
    id: "signIn",
    summary: "Sign in",
    description:
      "Starts a session. If a second factor is active, `code` holds a code of the " +
      "authenticator app or a recovery code. `newPassword` replaces the password; it is " +
      "required as long as the password is one that Basalt generated.",
    input: SignIn,
    handle: identity.signIn,
    success: 201,
    output: SignedInView,
    present: toSignedIn,
    refusals: {
      "sign-in-refused": 401,
      "second-factor-required": 401,
      "code-refused": 401,
      "new-password-required": 403,
      "password-too-common": 422,
      "too-busy": 429,
      conflict: 409,
    },
  }),
  post("/sessions/refresh", {
    access: "public",
    attempts: { name: "refresh" },
    id: "refreshSession",
    summary: "Refresh a session",
    description:
      "Exchanges a refresh token for its successor and a new access token. A token that was " +
      "exchanged already gets the same successor again until that is used; one that was " +
      "exchanged before that ends the session.",
    input: RefreshSession,
    handle: identity.refreshSession,
    success: 200,
    output: SignedInView,
    present: toSignedIn,
    refusals: { "session-over": 401, "refresh-token-reused": 401, conflict: 409 },
  }),
  post("/sessions/passkey/options", {
    access: "public",
    attempts: { name: "passkey" },
    id: "startSignInWithPasskey",
    summary: "Start a sign-in with a passkey",
    description: "Returns the options for `navigator.credentials.get`.",
    input: BeginPasskeySignIn,
    handle: identity.beginPasskeySignIn,
    success: 200,
    output: opaque("WebAuthn options"),
    refusals: {},
  }),
  post("/sessions/passkey", {
    access: "public",
    attempts: { name: "passkey" },
    id: "signInWithPasskey",
    summary: "Sign in with a passkey",
    description: "Takes the response of `navigator.credentials.get` as JSON.",
    input: SignInWithPasskey,
    handle: identity.signInWithPasskey,
    success: 201,
    output: SignedInView,
    present: toSignedIn,
    refusals: { "sign-in-refused": 401, conflict: 409 },
  }),
];

/** Signing in, staying so, and signing out. */
export const sessionRoutes = (identity: Identity): readonly Route[] => [
  ...signInRoutes(identity),
  get("/users/:userId/sessions", {
    access: "signed-in",
    id: "listSessionsOfUser",
    summary: "List sessions of a user",
    input: ListSessions,
    handle: identity.listSessions,
    success: 200,
    output: SessionsView,
    present: (sessions) => ({ items: sessions.slice(0, maxListed).map(toListed) }),
    refusals: { forbidden: 403 },
  }),
  del("/users/:userId/sessions", {
    access: "signed-in",
    id: "signOutEverywhere",
    summary: "Sign out everywhere",
    input: EndSessions,
    handle: identity.endSessions,
    success: 204,
    refusals: { forbidden: 403, conflict: 409 },
  }),
  del("/sessions/:sessionId", {
    access: "signed-in",
    id: "endSession",
    summary: "End a session",
    description: "Tokens of the session are refused from the next request on.",
    input: EndSession,
    handle: identity.endSession,
    success: 204,
    refusals: { "session-not-found": 404, forbidden: 403, conflict: 409 },
  }),
];
