import * as oauth from "oauth4webapi";
import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { AskedToWait, fetchText } from "#platform/resilience/fetch-json.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { Unavailable } from "#platform/unavailable.ts";
import type { Login, ProviderFailure, Tokens } from "../../application/ports/providers.ts";
import type { FailureReason } from "../../domain/provider.ts";
import { retryAfterMs } from "./asking.ts";

type Options = {
  readonly name: string;
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  /** The application, as the provider knows it. */
  readonly client: {
    readonly id: string;
    readonly secret: string;
    /** Where the provider sends its customers back to, exactly as it is registered there. */
    readonly redirectUrl: string;
  };
  readonly lastsMs: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** There are no automatic retries: a code is single-use, and a refresh token may be. */
const limits = {
  attemptMs: 8_000,
  retries: 0,
  breakAfter: 10,
  breakMs: 5_000,
  atOnce: 8,
  waiting: 64,
};
/** The lifetime of an access token if the provider does not say it, and the longest that Basalt believes. */
const [usualAccessS, mostAccessS] = [300, 86_400];
/** Tokens become headers: visible characters alone. */
const visible = /^[\x21-\x7e]{1,8000}$/;
const [firstStatus, lastStatus] = [200, 599];
/** Statuses of answers that have no body. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);
/** Error codes for a code or a refresh token that is used up or expired. Schwab has one of its own. */
const deadGrants: ReadonlySet<string> = new Set(["invalid_grant", "unsupported_token_type"]);

const failure = (reason: FailureReason, waitMs?: number): Result<never, ProviderFailure> =>
  err({
    type: "provider-failure",
    reason,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });

/** The provider limits how often it is asked. */
class Limited extends Error {
  readonly retryAfter: string | null;
  constructor(retryAfter: string | null) {
    super("too many requests");
    this.retryAfter = retryAfter;
  }
}
const tooMany = 429;

/** An answer without its ID token. Basalt does not use the customer's identity at the provider, so it need not be verified. */
function withoutIdToken(text: string): string {
  try {
    return JSON.stringify({ ...(JSON.parse(text) as object), id_token: undefined });
  } catch {
    return text;
  }
}

/** A failure that says why there are no tokens. */
function reasonOf(error: unknown, clock: Clock): Result<never, ProviderFailure> {
  if (error instanceof Limited)
    return failure("rate-limited", retryAfterMs(error.retryAfter, clock.unixMs()));
  if (error instanceof AskedToWait)
    return failure("unavailable", retryAfterMs(error.retryAfter, clock.unixMs()));
  if (error instanceof Unavailable) return failure("unavailable");
  if (error instanceof oauth.ResponseBodyError)
    return failure(deadGrants.has(error.error) ? "login-lost" : "refused");
  if (error instanceof oauth.WWWAuthenticateChallengeError) return failure("refused");
  if (error instanceof oauth.OperationProcessingError) return failure("unreadable");
  throw error;
}

/** Sends the requests of the OAuth library with Basalt's own deadline, circuit breaker and trace. */
function sending({ name, tokenUrl, clock, metrics }: Options) {
  const call = upstream({ name: `${name}-login`, clock, metrics, limits });
  type Sent = { readonly headers: Record<string, string>; readonly body: unknown };
  return ({ correlationId, deadlineMs }: Context) => ({
    [oauth.allowInsecureRequests]: tokenUrl.startsWith("http:"),
    [oauth.customFetch]: async (url: string, { headers, body }: Sent): Promise<Response> => {
      const form = String(body);
      const answer = await call(
        (signal) => fetchText(new URL(url), { signal, correlationId, headers, form }),
        deadlineMs,
      );
      const { status } = answer;
      if (status === tooMany) throw new Limited(answer.headers.get("retry-after"));
      if (status < firstStatus || status > lastStatus || bodiless.has(status))
        throw new oauth.OperationProcessingError(`the token endpoint answers ${status}`);
      return new Response(withoutIdToken(answer.text), {
        status,
        headers: { "content-type": answer.headers.get("content-type") ?? "" },
      });
    },
  });
}

/** The authorization URL, with the PKCE challenge. */
async function addressOf(
  { authorizeUrl, client }: Options,
  { state, verifier }: { readonly state: string; readonly verifier: string },
): Promise<string> {
  const url = new URL(authorizeUrl);
  const query = {
    response_type: "code",
    client_id: client.id,
    redirect_uri: client.redirectUrl,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url.href;
}

/** Signing in by an authorization code, with PKCE, at a provider that knows Basalt by a secret. */
export function oauthLogin(options: Options): Login {
  const { tokenUrl, client, lastsMs, clock } = options;
  const by = sending(options);
  const server: oauth.AuthorizationServer = { issuer: tokenUrl, token_endpoint: tokenUrl };
  const self: oauth.Client = { client_id: client.id };
  const proof = oauth.ClientSecretBasic(client.secret);

  /** A provider that gives no other refresh token means that the one `before` stays good. */
  async function tokens(
    answered: Promise<oauth.TokenEndpointResponse>,
    before?: string,
  ): Promise<Result<Tokens, ProviderFailure>> {
    try {
      const answer = await answered;
      const { access_token: access, refresh_token: refresh = before, expires_in: lastsS } = answer;
      if (refresh === undefined || ![access, refresh].every((token) => visible.test(token)))
        return failure("unreadable");
      const shownS = Math.min(lastsS ?? usualAccessS, mostAccessS);
      const accessUntil = Instant.plus(clock.now(), shownS * 1_000);
      return ok({ access, accessUntil, refresh });
    } catch (error) {
      return reasonOf(error, clock);
    }
  }

  async function exchanged(code: string, verifier: string, context: Context) {
    const returned = new URLSearchParams({ code });
    const shown = oauth.validateAuthResponse(server, self, returned, oauth.expectNoState);
    const { redirectUrl } = client;
    const answer = await oauth.authorizationCodeGrantRequest(
      ...([server, self, proof, shown, redirectUrl, verifier, by(context)] as const),
    );
    return oauth.processAuthorizationCodeResponse(server, self, answer);
  }

  async function refreshed(token: string, context: Context) {
    const answer = await oauth.refreshTokenGrantRequest(server, self, proof, token, by(context));
    return oauth.processRefreshTokenResponse(server, self, answer);
  }

  return {
    lastsMs,
    async begin(stateOf) {
      const verifier = oauth.generateRandomCodeVerifier();
      const state = stateOf(oauth.generateRandomState());
      return { url: await addressOf(options, { state, verifier }), state, verifier };
    },
    exchange: ({ code, verifier }, context) => tokens(exchanged(code, verifier, context)),
    refresh: (token, context) => tokens(refreshed(token, context), token),
  };
}
