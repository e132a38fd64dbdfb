import type { IncomingHttpHeaders } from "node:http";
import type { Context } from "#kernel/context.ts";
import type { Download } from "./route.ts";

/** What a client of a foreign protocol asks. */
export type DoorRequest = {
  readonly method: string;
  /** What comes behind the path of the door, as it was sent, without a query: empty, or with a slash before it. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Arrives once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The path of the door as clients know it, also behind a proxy. */
  readonly at: string;
  /** The host that was asked, with its port. */
  readonly host: string;
  /** Says that the request waits for something to happen from now on, and is no work. Ends with its client; undefined where too many wait. */
  readonly wait: () => AbortSignal | undefined;
};

type Head = { readonly status: number; readonly headers?: Readonly<Record<string, string>> };

/** A text goes in one piece, or as it is made. */
export type TextAnswer = Head & { readonly text?: string | AsyncIterable<string> };

/** A file. The status is that of the part that is asked for. */
export type FileAnswer<V = unknown> = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly download: Download<V>;
  readonly value: V;
  readonly tag: string;
};

export type DoorAnswer = TextAnswer | FileAnswer;

/** A file as an answer, of whatever it is read from. */
export const fileAnswer = <V>(file: FileAnswer<V>): DoorAnswer => file as unknown as FileAnswer;

/**
 * A way in beside the API, below one path: for clients of a foreign protocol, which has methods, statuses and bodies of its own, or for a page. Users
 * sign in with a bearer token, or as Basic authentication has it, with an API key as their password.
 */
export type Door = {
  readonly name: string;
  /** Whether strangers come in, too; they do not, unless it is said. */
  readonly access?: "public";
  /** As in `/dav`. */
  readonly path: string;
  readonly methods: readonly string[];
  /** Those whose bodies are files, which may take long to arrive; none, unless it is said. */
  readonly fileMethods?: readonly string[];
  /** Files that arrive at once, from all and from one actor. */
  readonly places?: readonly [all: number, ofOne: number];
  /** What `OPTIONS` is answered, to everyone. */
  readonly options: Readonly<Record<string, string>>;
  readonly answer: (request: DoorRequest, context: Context) => Promise<DoorAnswer>;
};
