import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { DoorRequest } from "#platform/http/door.ts";
import type { Timers } from "#platform/runtime.ts";
import type { Lock } from "../../domain/lock.ts";
import type { Node } from "../../domain/node.ts";
import type { Drive } from "../../index.ts";
import { hrefOf, targetsOf, type Find, type Found, type Target } from "./targets.ts";

/** A request with what it is answered by. */
export type Asked = {
  readonly request: DoorRequest;
  readonly context: Context;
  readonly drive: Drive;
  readonly clock: Clock;
  readonly timers: Pick<Timers, "turn">;
  /** Whether folders have tags that change with whatever lies below them. */
  readonly hasFolderTags: boolean;
  /** Whether its clients take names that differ in case or in the spelling of letters for different ones, and would lose a file. */
  readonly isSpellingStrict: boolean;
  readonly find: Find;
};
export type Asking = Pick<
  Asked,
  "drive" | "clock" | "timers" | "hasFolderTags" | "isSpellingStrict"
>;

export const askedOf = (asking: Asking, request: DoorRequest, context: Context): Asked => ({
  ...asking,
  request,
  context,
  find: targetsOf(asking.drive, context),
});

/** Whether a path spells a name differently from the node that it finds, for a client that takes both for different files. */
export const isMisspelled = ({ isSpellingStrict }: Asked, target: Target): boolean =>
  isSpellingStrict && target.kind !== "home" && !target.isExact;

/** One step of a long answer has so much time, as a request has. */
const stepMs = 10_000;
export const inTime = ({ context, clock }: Asked): Context => ({
  ...context,
  deadlineMs: clock.unixMs() + stepMs,
});

/** A header that has one value. */
export const headerOf = ({ request: { headers } }: Asked, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
};

/** The tag of a content, which no other one at the same path has. */
export const tagOf = (node: Node): string | undefined =>
  node.kind === "file"
    ? `"${node.id.slice(node.id.indexOf("_") + 1)}.${node.content.revision}"`
    : undefined;

export const hrefOfTarget = ({ request: { at } }: Asked, target: Target): string => {
  if (target.kind === "home") return hrefOf(at, [], true);
  return hrefOf(at, target.names, target.kind === "found" && target.node.kind === "folder");
};

/** Locks on what lies below a folder, besides those that cover it. */
export async function locksBelow(
  { drive, context }: Asked,
  { node, locks }: Found,
): Promise<readonly Lock[]> {
  if (node.kind === "file") return [];
  const listed = await drive.listLocks({ nodeId: node.id, below: true }, context);
  const covering = new Set(locks.map(({ id }) => id));
  return listed.ok ? listed.value.filter(({ id }) => !covering.has(id)) : [];
}

export const secondsLeft = ({ clock }: Asked, { expiresAt }: Lock): number =>
  Math.max(0, Math.round((Instant.toUnixMs(expiresAt) - clock.unixMs()) / 1_000));

/** The path of what a lock that covers a resource is on: its own, or that of a folder above it. */
export function lockRootOf(
  { request: { at } }: Asked,
  { node, names, above }: Found,
  { nodeId }: Lock,
): string {
  const levels = [node, ...above].findIndex(({ id }) => id === nodeId);
  const isFolder = levels !== 0 || node.kind === "folder";
  return hrefOf(at, names.slice(0, levels > 0 ? -levels : undefined), isFolder);
}
