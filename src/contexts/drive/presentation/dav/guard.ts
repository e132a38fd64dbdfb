import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { TextAnswer } from "#platform/http/door.ts";
import type { Lock } from "../../domain/lock.ts";
import type { Node } from "../../domain/node.ts";
import { refused } from "./answers.ts";
import { headerOf, hrefOfTarget, locksBelow, tagOf, type Asked } from "./asked.ts";
import { allows, holds, readIf, tokensIn, type Present, type State } from "./conditions.ts";
import { tokenOf } from "./locks.ts";
import { destinationOf, type Found, type Missing, type Target } from "./targets.ts";

/** What becomes of a resource: its content or its properties change, it comes to lie in its folder, or leaves it with all that lies below. */
export type Effect = "changes" | "comes" | "goes";

/** Locks that an effect on a resource concerns: who makes or removes something in a folder changes the folder, too. */
async function concernedBy(
  asked: Asked,
  target: Found | Missing,
  effect: Effect,
): Promise<readonly Lock[]> {
  if (target.kind === "missing" || effect !== "goes") return target.locks;
  const [folder] = target.above;
  const { drive, context } = asked;
  const around = folder ? await drive.listLocks({ nodeId: folder.id }, context) : ok([]);
  return [
    ...target.locks,
    ...(await locksBelow(asked, target)),
    ...(around.ok ? around.value : []),
  ];
}

function stateOf(target: Target | undefined): State {
  if (!target || target.kind === "home") return { tag: undefined, tokens: new Set() };
  return {
    tag: target.kind === "found" ? tagOf(target.node) : undefined,
    tokens: new Set(target.locks.map(tokenOf)),
  };
}

/** The resource that a condition names by its address; undefined where that is none of ours. */
async function named(asked: Asked, resource: string): Promise<Target | undefined> {
  const { request, find } = asked;
  const path = destinationOf({ ...request, headers: { destination: resource } });
  const found = path === undefined ? undefined : await find(path);
  return found?.ok === true ? found.value : undefined;
}

const presentOf = (node: Node): Present => ({
  tag: tagOf(node),
  modifiedAtMs: Instant.toUnixMs(node.kind === "file" ? node.content.modifiedAt : node.changedAt),
});

/** Whether the request names one lock of each locked resource, and the caller holds that lock. */
function isUnlocked({ context }: Asked, locks: readonly Lock[], tokens: ReadonlySet<string>) {
  const locked = new Set(locks.map(({ nodeId }) => nodeId));
  const opened = locks.filter(
    (lock) => lock.holderId === context.actor && tokens.has(tokenOf(lock)),
  );
  return locked.size === new Set(opened.map(({ nodeId }) => nodeId)).size;
}

/**
 * Whether a request may go on: its conditions (`If`, `If-Match`, `If-None-Match`) hold, and it names a token of each lock that its
 * effects concern.
 */
export async function guarded(
  asked: Asked,
  target: Target,
  effects: Effects,
): Promise<Result<void, TextAnswer>> {
  const found = target.kind === "found" ? presentOf(target.node) : undefined;
  if (!allows(asked.request.headers, found)) return err(refused({ type: "precondition-failed" }));
  const header = headerOf(asked, "if");
  const lists = header === undefined ? ok([]) : readIf(header);
  if (!lists.ok) return err(refused(lists.error));
  const isMet =
    lists.value.length === 0 ||
    (await holds(lists.value, async (resource) =>
      stateOf(resource === undefined ? target : await named(asked, resource)),
    ));
  if (!isMet) return err(refused({ type: "precondition-failed" }));
  return unlocked(asked, effects);
}

type Effects = readonly { readonly on: Found | Missing; readonly effect: Effect }[];

/** Whether a request names a token of each lock that its effects concern. */
export async function unlocked(asked: Asked, effects: Effects): Promise<Result<void, TextAnswer>> {
  const lists = readIf(headerOf(asked, "if") ?? "");
  const tokens = tokensIn(lists.ok ? lists.value : []);
  for (const { on, effect } of effects)
    if (!isUnlocked(asked, await concernedBy(asked, on, effect), tokens))
      return err(refused({ type: "token-missing" }, [hrefOfTarget(asked, on)]));
  return ok(undefined);
}
