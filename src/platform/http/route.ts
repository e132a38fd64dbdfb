import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Result } from "#kernel/result.ts";
import type { Fields, Value } from "#kernel/shape.ts";

/**
 * Who is heard at all. What they may do is decided by the handler, which asks for the permission of
 * exactly this actor on exactly this thing. `public`: no credential is read; `anyone`: one may be sent, and must be valid
 * then; `signed-in`: one must be sent.
 */
export type Access = "public" | "anyone" | "signed-in";

/** Attempts with a stricter limit: guesses, and requests that send email. */
export type Attempts<Field extends string = string> = {
  readonly name: string;
  /** The field that says on whose account, or the actor's: it is counted too, from wherever. */
  readonly account?: Field | "actor";
  /** Only requests with this field are attempts. */
  readonly when?: Field;
  /** Whether a success shows that it was no guess. */
  readonly forgive?: true;
};

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * A body that is not JSON: `read` makes the input field of it while it arrives. The other fields
 * come from the query.
 */
export type UploadedBody<Field extends string = string> = {
  readonly field: Field;
  /** The first is the usual one. A form with one file is taken as well. */
  readonly mediaTypes: readonly string[];
  readonly read: (body: AsyncIterable<Uint8Array>) => unknown;
  /** How many arrive at once, from all and from one actor: 8 and 2 unless said, since each holds some MiB. */
  readonly places?: readonly [all: number, ofOne: number];
  /** A body that says that it is larger is refused before it comes. */
  readonly maxBytes?: number;
  /** Asked before the body has a place among those that arrive. */
  readonly mayBegin: (context: Context) => Promise<Result<void, { readonly type: "forbidden" }>>;
};

/** An answer that is sent while it is being made. What has no end of its own ends when `closing`. */
export type StreamedAnswer<V> = {
  /** Where there are several, `mediaTypeOf` says which one an answer has. */
  readonly mediaTypes: readonly [string, ...string[]];
  readonly mediaTypeOf?: (value: V) => string;
  /** How many are sent at once, to all and to one actor: 64 and 8 unless said, since an export asks the database again and again. */
  readonly places?: readonly [all: number, ofOne: number];
  readonly textOf: (value: V, closing: AbortSignal) => AsyncIterable<string>;
  /** The name under which a browser keeps it. */
  readonly fileName?: (value: V) => string;
};

/** An answer that clients wait for until there is something to tell: it is hardly worked on meanwhile. */
export type LongPoll<I> = {
  readonly isWaiting: (input: I) => boolean;
  /** How many wait at once, of all and of one actor. */
  readonly places: readonly [all: number, ofOne: number];
};

/** Bytes of a file, from one place up to another one. */
export type ByteRange = { readonly from: number; readonly until: number };

/** A file as an answer: the whole, or the part that `Range` asks for. */
export type Download<V> = {
  readonly sizeOf: (value: V) => number;
  /** The name under which a browser keeps it. */
  readonly fileName: (value: V) => string;
  readonly bytes: (value: V, range: ByteRange) => AsyncIterable<Uint8Array>;
  /** Is told as `Last-Modified`. Whether a client has the newest one, the tag says alone. */
  readonly modifiedAt?: (value: V) => Instant;
  /** It is made as it is sent, so that no part of it can be asked for. */
  readonly isMade?: boolean;
  /** What it is, where that is known: the file of a user is taken for bytes. */
  readonly mediaType?: string;
  /** Files that are sent at once, to all and to one actor, where these are fewer than usual. */
  readonly places?: readonly [all: number, ofOne: number];
};

/** Statuses of expected refusals. */
export type RefusalStatus = 401 | 402 | 403 | 404 | 409 | 410 | 412 | 422 | 423 | 429;

type Input<I> = Value<I> & { readonly fields: Fields };
type Told =
  | string
  | number
  | boolean
  | undefined
  | readonly Told[]
  | { readonly [field: string]: Told };
/** A refusal, whose details become JSON as they are: money is spelled, and there are no big integers. */
type Refused = { readonly type: string; readonly [detail: string]: Told };

type Declaration<I, V, R extends Refused, View> = {
  readonly access: Access;
  readonly attempts?: Attempts<keyof I & string>;
  /** Names the operation, for generated clients: it stays when the summary changes. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /**
   * Fields named in the path come from there, `expectedVersion` from `If-Match` (if it is not optional:
   * 428 without), the others from query (GET, DELETE) or body.
   */
  readonly input: Input<I>;
  readonly upload?: UploadedBody<keyof I & string>;
  /** `ending`: nobody hears the answer any more, or the server is about to stop. */
  readonly handle: (input: I, context: Context, ending: () => AbortSignal) => Promise<Result<V, R>>;
  readonly longPoll?: LongPoll<I>;
  readonly success: 200 | 201 | 202 | 204;
  /** Attempts of another operation at an account that a success shows to be no guesses. */
  readonly forgives?: { readonly attempts: string; readonly account: (value: V) => string };
  /** The shape of the answer. Only its fields leave the server. */
  readonly output?: Value<View>;
  readonly present?: (value: V) => View;
  /** In place of `output`. */
  readonly stream?: StreamedAnswer<V>;
  /** In place of `output`. */
  readonly download?: Download<V>;
  /** The path of the created resource, without the API prefix. */
  readonly location?: (value: V) => string;
  /** Version of the resource, for `ETag` and `If-None-Match`. */
  readonly version?: (value: V) => number;
  /** Letters before the version in its `ETag`, where another version of the same resource must not be taken for it. */
  readonly tagKind?: string;
  /** The answer says more than the resource: it may change while the version stays, so no 304. */
  readonly isComposed?: true;
  readonly refusals: { readonly [T in NoInfer<R>["type"]]: RefusalStatus };
};

/** A declared route, without its types. */
export type Route = {
  readonly method: Method;
  readonly path: string;
} & Omit<
  Declaration<unknown, unknown, Refused, unknown>,
  "refusals" | "attempts" | "upload" | "longPoll"
> & {
    readonly upload?: UploadedBody;
    readonly attempts?: Attempts;
    readonly longPoll?: LongPoll<unknown>;
    readonly refusals: Readonly<Record<string, RefusalStatus>>;
  };

/** `kind` tells tags apart that count different things of one resource. */
export const entityTag = (version: number, kind = ""): string => `"${kind}${version}"`;

/** The field whose value is the version in `If-Match`. */
export const versionField = "expectedVersion";

const declare =
  (method: Method) =>
  <I, V, R extends Refused, View = never>(
    path: string,
    declaration: Declaration<I, V, R, View>,
  ): Route =>
    ({ method, path, ...declaration }) as unknown as Route;

/** `get("/users/:userId", { … })`: a refusal without a status does not compile. */
export const get = declare("GET");
export const post = declare("POST");
export const put = declare("PUT");
export const patch = declare("PATCH");
export const del = declare("DELETE");
