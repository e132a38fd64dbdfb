import type { Served, SignedIn } from "./basalt.ts";

/** Values of path parameters, by name. */
export type Ids = Readonly<Record<string, string>>;

/** A file that is sent as a body, as CSV unless said, with a query. */
export class Upload {
  readonly text: string;
  readonly query: string;
  readonly type: string;

  constructor(text: string, query = "", type = "text/csv") {
    this.text = text;
    this.query = query;
    this.type = type;
  }
}

type Body = object | Upload | undefined;

/** What the walk over all operations needs to know of those of one context. */
export type Access = {
  /** Settings, as of upstreams that answer. */
  readonly env?: Readonly<Record<string, string>>;
  /** Operations that strangers may use. */
  readonly open: readonly string[];
  /** Operations that every signed-in user may use, since they are about nobody's things. */
  readonly everybodys: readonly string[];
  /** A body for each other operation with which nothing but a missing permission refuses it. */
  readonly bodies: Readonly<Record<string, Body | ((ids: Ids) => Body)>>;
  /** Operations that are refused even to administrators. */
  readonly ownersOnly: readonly string[];
  /** Makes things of a user; answers their ids by the names of path parameters. */
  readonly thingsOf: (served: Served, user: SignedIn) => Promise<Ids>;
};
