import type { TooBusy } from "../places.ts";
import type { Change } from "#kernel/change.ts";
import type { Result } from "#kernel/result.ts";
import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { LinkId, NodeId, SpaceId, UserId } from "../../domain/ids.ts";
import type { Link, LinkPassword, LinkPasswordHash } from "../../domain/link.ts";

export type Links = Saves<Link, DriveEvent> & {
  readonly byId: (id: LinkId) => Promise<Link | undefined>;
  /** Links to a node, the oldest first. */
  readonly ofNode: (nodeId: NodeId, limit: number) => Promise<readonly Link[]>;
  readonly revoke: (change: Change<Link, DriveEvent>) => void;
  /** Ends the links that a user has made in a space. */
  readonly endOf: (madeBy: UserId, spaceId: SpaceId) => void;
  readonly downloads: (id: LinkId) => Promise<number>;
  /** Whether a visit has downloaded a node already. */
  readonly hasDownloaded: (id: LinkId, visit: string, nodeId: NodeId) => Promise<boolean>;
  readonly countDownload: (id: LinkId, visit: string, nodeId: NodeId) => void;
};

/** Port: hashes passwords of links slowly, a few at a time. */
export type LinkPasswords = {
  readonly hash: (password: LinkPassword) => Promise<Result<LinkPasswordHash, TooBusy>>;
  readonly matches: (
    password: LinkPassword,
    hash: LinkPasswordHash,
  ) => Promise<Result<boolean, TooBusy>>;
};

/** Port: texts that nobody else can make. Undefined where a text was made by somebody else. */
export type LinkTokens = {
  readonly tokenOf: (id: LinkId) => string;
  readonly linkIn: (token: string) => LinkId | undefined;
  /** `name` tells this visit from others. */
  readonly visitOf: (visit: Visit) => string;
  readonly visitIn: (text: string) => Visit | undefined;
};
export type Visit = { readonly linkId: LinkId; readonly name: string; readonly untilMs: number };
