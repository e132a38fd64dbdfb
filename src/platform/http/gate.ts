import { isIP } from "node:net";
import { Readable } from "node:stream";
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
} from "fastify";
import type { Origin, Principal } from "#kernel/context.ts";
import type { RateLimiter, Standing } from "../rate-limit/rate-limit.ts";
import { sendProblem } from "./answers.ts";
import { problem } from "./problem.ts";
import type { Access, Attempts } from "./route.ts";

/** Answers the principal of a credential; undefined if it is not valid. */
export type Authenticate = (
  credential: string,
) => Principal | undefined | Promise<Principal | undefined>;

export type GateOptions = {
  readonly authenticate: Authenticate;
  readonly limiters: {
    /** Counts every request, by actor, or by address without a sign-in. */
    readonly requests: RateLimiter;
    /** Attempts, by address and by account. */
    readonly byAddress: RateLimiter;
    readonly byAccount: RateLimiter;
  };
};

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** Counted by its gate, once it is known who asks. */
    isGated?: boolean;
    isProbe?: boolean;
    /** Bodies that may take longer to arrive. */
    takesFiles?: boolean;
    /** Its clients sign in by Basic authentication. */
    isDoor?: boolean;
    /** Browsers may not call it from other origins, also those that the settings allow elsewhere. */
    cors?: false;
    /** The types of its body. */
    mediaTypes?: readonly string[];
  }
}

const anonymous: Principal = { actor: "anonymous" };
const accesses: ReadonlySet<unknown> = new Set<Access>(["public", "anyone", "signed-in"]);
const maxCredential = 4_096;
const maxAgent = 200;

/** Nothing is open by accident: a route that does not say for whom it is does not start. */
export function requireAccessRules(app: FastifyInstance): void {
  app.decorateRequest("principal");
  app.addHook("onRoute", ({ method, url, config }) => {
    if (method === "OPTIONS") return; // preflight, answered by CORS without a handler of ours
    if (!accesses.has(config?.access))
      throw new Error(`${String(method)} ${url} has no access rule`);
  });
}

/** Counts requests for which no gate stands: of documents and pages, and of unknown paths. */
export function countUngated({ limiters }: GateOptions) {
  return (request: FastifyRequest, reply: FastifyReply, next: HookHandlerDoneFunction): void => {
    const { isGated, isProbe } = request.routeOptions.config;
    if (isGated || isProbe) return next();
    limiters.requests.take(subnetOf(addressOf(request))).then((standing) => {
      if (!isRefused(standing, request, reply)) next();
    }, next);
  };
}

/** Refuses a request whose credential is missing, or not valid any more. */
export function sendSignedOut(reply: FastifyReply): FastifyReply {
  const { id: correlationId, headers } = reply.request;
  const isBearer = bearer.test(headers.authorization ?? "");
  const { isDoor } = reply.request.routeOptions.config;
  const detail = isDoor ? passwordNeeded : isBearer ? invalidCredential : noCredential;
  return sendProblem(reply, problem("unauthenticated", { status: 401, correlationId, detail }));
}

/** How a credential is sent, and under which name refused ones are counted by their addresses, with the stricter limit of attempts. */
type Sending = {
  readonly credentialOf: (header: string | undefined) => string | undefined;
  readonly guesses?: string;
};

/** Authenticates a request, refuses it where the route requires a sign-in, and counts it. */
export function gate(
  { authenticate, limiters }: GateOptions,
  access: Access,
  { credentialOf, guesses }: Sending = { credentialOf: bearerOf },
) {
  const refuse = (request: FastifyRequest, reply: FastifyReply, next: HookHandlerDoneFunction) => {
    const subnet = subnetOf(addressOf(request));
    const isGuess = guesses !== undefined && request.headers.authorization !== undefined;
    const counted = isGuess
      ? limiters.byAddress.take(`${guesses}:${subnet}`)
      : limiters.requests.take(subnet);
    counted.then((standing) => {
      if (!isRefused(standing, request, reply)) void sendSignedOut(reply);
    }, next);
  };
  const enter = (
    request: FastifyRequest,
    reply: FastifyReply,
    next: HookHandlerDoneFunction,
    principal: Principal = anonymous,
  ) => {
    request.principal = principal;
    const { authorization = "" } = request.headers;
    const isRefusedCredential = access === "anyone" && bearer.test(authorization);
    if (principal === anonymous && (access === "signed-in" || isRefusedCredential)) {
      refuse(request, reply, next);
      return;
    }
    const key = principal === anonymous ? subnetOf(addressOf(request)) : principal.actor;
    limiters.requests.take(key).then((standing) => {
      if (isRefused(standing, request, reply)) return;
      next();
    }, next);
  };

  return (request: FastifyRequest, reply: FastifyReply, next: HookHandlerDoneFunction): void => {
    const credential =
      access === "public" ? undefined : credentialOf(request.headers.authorization);
    if (credential === undefined) return enter(request, reply, next);
    const known = authenticate(credential);
    if (!(known instanceof Promise)) return enter(request, reply, next, known);
    known.then((principal) => enter(request, reply, next, principal), next);
  };
}

const bearer = /^bearer\b/i;
const noCredential = "Send an access token or an API key, as in `Authorization: Bearer …`";
const passwordNeeded = "Sign in with any user name, and an API key as the password";
const invalidCredential =
  "The access token or API key is not valid here, or not any more: sign in again, or refresh the token";

/** Whether the credential of a request is still valid, which may end while a body comes or an answer goes on. A request without one has none to lose. */
export const isStillSignedIn =
  (
    { authenticate }: Pick<GateOptions, "authenticate">,
    { headers, routeOptions }: FastifyRequest,
  ) =>
  async (): Promise<boolean> => {
    const credentialOf = routeOptions.config.isDoor === true ? basicOrBearer : bearerOf;
    const credential = credentialOf(headers.authorization);
    return credential === undefined || (await authenticate(credential)) !== undefined;
  };

/** The credential of a request has ended while its body came. */
class SignedOut extends Error {
  readonly statusCode = 401;
}

/**
 * Breaks a body off at its end if its sender is not signed in any more, or if nobody can tell. Whoever reads it takes it for a broken
 * connection; the answer throws what it was.
 */
export function endWithCredential(
  options: Pick<GateOptions, "authenticate">,
  request: FastifyRequest,
): () => void {
  const { body, principal } = request;
  if (!(body instanceof Readable) || principal.credential === undefined) return () => {};
  const bytes = body[Symbol.asyncIterator].bind(body);
  const isSignedIn = isStillSignedIn(options, request);
  let broken: { readonly why: unknown } | undefined;
  const check = async () => {
    if (!(await isSignedIn())) throw new SignedOut("the credential has ended");
  };
  body[Symbol.asyncIterator] = async function* checked(): AsyncGenerator<unknown, undefined> {
    yield* bytes();
    await check().catch((why: unknown) => {
      broken = { why };
      throw why;
    });
    return undefined;
  };
  return () => {
    if (broken) throw broken.why;
  };
}

function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > maxCredential) return undefined;
  return /^bearer +([\w.~+/=-]+)$/i.exec(header)?.[1];
}

/** Reads the password of Basic authentication as the credential; the name of the user does not matter. Source: RFC 7617. */
export function basicOrBearer(header: string | undefined): string | undefined {
  if (header === undefined || header.length > maxCredential) return undefined;
  const [, encoded] = /^basic +([\w+/]+={0,2})$/i.exec(header) ?? [];
  if (encoded === undefined) return bearerOf(header);
  const sent = Buffer.from(encoded, "base64").toString("utf8");
  return sent.includes(":") ? sent.slice(sent.indexOf(":") + 1) : undefined;
}

const unlimited = { isAllowed: true, succeeded: async () => {} };

/** Counts an attempt by address and account. A success may reset the account's count. */
export const limitAttempts =
  ({ limiters: { byAddress, byAccount } }: GateOptions) =>
  async (
    { name, account, when, forgive }: Attempts,
    request: FastifyRequest,
    reply: FastifyReply,
    input: unknown,
  ): Promise<{ readonly isAllowed: boolean; readonly succeeded: () => Promise<void> }> => {
    const fields = input as Record<string, string>;
    if (when !== undefined && fields[when] === undefined) return unlimited;
    const address = `${name}:${subnetOf(addressOf(request))}`;
    const who = account === "actor" ? request.principal.actor : account && fields[account];
    const person = who === undefined ? undefined : `${name}:${who}`;
    const standings = await Promise.all([
      byAddress.take(address),
      ...(person === undefined ? [] : [byAccount.take(person)]),
    ]);
    const [tightest] = standings.toSorted(
      (a, b) => Number(a.isAllowed) - Number(b.isAllowed) || a.remaining - b.remaining,
    );
    return {
      isAllowed: !tightest || !isRefused(tightest, request, reply),
      async succeeded() {
        if (forgive && person !== undefined) await byAccount.forgive(person);
      },
    };
  };

/** Says in headers how the caller stands; where nothing remains, that is the answer. */
function isRefused(standing: Standing, request: FastifyRequest, reply: FastifyReply): boolean {
  const { isAllowed, limit, remaining, resetS } = standing;
  reply
    .header("ratelimit-limit", limit)
    .header("ratelimit-remaining", remaining)
    .header("ratelimit-reset", resetS);
  if (isAllowed) return false;
  const refused = problem("too-many-requests", { status: 429, correlationId: request.id });
  void sendProblem(reply, refused, resetS);
  return true;
}

/** The origin of a request. The agent is the client's own text, made fit for one line. */
export const originOf = (request: FastifyRequest): Origin => ({
  address: addressOf(request),
  agent: (request.headers["user-agent"] ?? "").replaceAll(/[^\x20-\x7e]/g, "?").slice(0, maxAgent),
});

/** The client's address, without the zone that an IPv6 address may name as it likes; that of the proxy where it names none. */
const addressOf = ({ ip, socket }: FastifyRequest): string =>
  (isIP(ip) === 0 ? (socket.remoteAddress ?? "unknown") : ip).replace(/%.*$/, "");

/** The network that counts as one client: a /64 of IPv6, or one IPv4 address. */
export function subnetOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail = ""] = plain.split("::");
  const groups = (half: string) => half.split(":").filter((group) => group !== "");
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: missing }, () => "0"), ...groups(tail)];
  return `${all.slice(0, 4).join(":")}::/64`;
}
