import { err, ok, type Result } from "#kernel/result.ts";
import type { DoorAnswer, TextAnswer } from "#platform/http/door.ts";
import { LockNote } from "../../application/locks/locks.ts";
import { LockSeconds, type Lock, type LockScope } from "../../domain/lock.ts";
import { refused, xmlAnswer } from "./answers.ts";
import { headerOf, hrefOfTarget, lockRootOf, secondsLeft, type Asked } from "./asked.ts";
import { readIf, tokensIn } from "./conditions.ts";
import { guarded } from "./guard.ts";
import { activeLocks, lockIdIn, tokenOf } from "./locks.ts";
import type { Found, Target } from "./targets.ts";
import { childOf, dav, readXml, textOf, type Element } from "./xml.ts";
import { createEmpty } from "./put.ts";

/** The first time that a client wants which a lock may have; the longest for one that is to hold for ever. */
function secondsOf(asked: Asked): LockSeconds {
  const most = 7 * 86_400;
  for (const wanted of (headerOf(asked, "timeout") ?? "").split(",")) {
    const [, seconds] = /^second-(\d{1,15})$/i.exec(wanted.trim()) ?? [];
    const isEndless = wanted.trim().toLowerCase() === "infinite";
    const count = isEndless ? most : Math.min(most, Math.max(1, Number(seconds)));
    const parsed = LockSeconds.parse(count);
    if (parsed.ok) return parsed.value;
  }
  return LockSeconds.usual;
}

type Wanted = { readonly scope: LockScope; readonly note?: string };

function wantedIn(root: Element): Wanted | undefined {
  const [scope, type] = [childOf(root, "lockscope"), childOf(root, "locktype")];
  if (root.namespace !== dav || root.name !== "lockinfo" || !scope || !type) return undefined;
  const [isExclusive, isShared] = [childOf(scope, "exclusive"), childOf(scope, "shared")];
  if (!childOf(type, "write") || Boolean(isExclusive) === Boolean(isShared)) return undefined;
  const owner = childOf(root, "owner");
  const note = LockNote.parse(owner && textOf(owner).trim().slice(0, 1_000));
  return { scope: isExclusive ? "exclusive" : "shared", ...(note.ok ? { note: note.value } : {}) };
}

function told(
  asked: Asked,
  found: Found,
  { lock, status }: { readonly lock: Lock; readonly status: 200 | 201 },
): TextAnswer {
  const leftS = (one: Lock) => secondsLeft(asked, one);
  const rootOf = (one: Lock) => lockRootOf(asked, found, one);
  const discovery = activeLocks([lock], { rootOf, leftS });
  return xmlAnswer(
    status,
    `<?xml version="1.0" encoding="utf-8"?>\n<D:prop xmlns:D="DAV:"><D:lockdiscovery>${discovery}</D:lockdiscovery></D:prop>`,
    { "lock-token": `<${tokenOf(lock)}>` },
  );
}

/** Lets the lock that `If` names hold for longer. */
async function refresh(asked: Asked, target: Found): Promise<DoorAnswer> {
  const lists = readIf(headerOf(asked, "if") ?? "");
  if (!lists.ok) return refused(lists.error);
  const may = await guarded(asked, target, []);
  if (!may.ok) return may.error;
  const here = new Set(target.locks.map(({ id }) => id));
  const lockId = [...tokensIn(lists.value)].map(lockIdIn).find((id) => id && here.has(id));
  if (!lockId) return refused({ type: "precondition-failed" });
  const seconds = secondsOf(asked);
  const renewed = await asked.drive.renewLock({ lockId, seconds }, asked.context);
  return renewed.ok
    ? told(asked, target, { lock: renewed.value, status: 200 })
    : refused(renewed.error);
}

/** The resource that is to be locked. Where nothing is, an empty file is made. */
async function lockable(
  asked: Asked,
  target: Target,
): Promise<Result<{ readonly found: Found; readonly status: 200 | 201 }, TextAnswer>> {
  if (target.kind === "home") return err(refused({ type: "method-not-allowed" }));
  const effects = target.kind === "found" ? [] : [{ on: target, effect: "comes" } as const];
  const may = await guarded(asked, target, effects);
  if (!may.ok) return may;
  if (target.kind === "found") return ok({ found: target, status: 200 });
  const made = await createEmpty(asked, target);
  if (made.ok) return ok({ found: made.value, status: 201 });
  const now = made.error.type === "name-taken" ? await asked.find(asked.request.path) : undefined;
  return now?.ok === true && now.value.kind === "found"
    ? ok({ found: now.value, status: 200 })
    : err(refused(made.error));
}

/** Locks a file or a folder, or lets a lock hold for longer. */
export async function lock(asked: Asked, target: Target): Promise<DoorAnswer> {
  const body = await readXml(asked.request.body, asked.timers);
  if (!body.ok) return refused(body.error);
  if (!body.value)
    return target.kind === "found"
      ? refresh(asked, target)
      : refused({ type: "precondition-failed" });
  const wanted = wantedIn(body.value);
  if (!wanted) return refused({ type: "xml-invalid", why: "it is no lockinfo" });
  const depth = headerOf(asked, "depth")?.trim().toLowerCase() ?? "infinity";
  if (depth !== "0" && depth !== "infinity")
    return refused({ type: "header-invalid", header: "Depth" });
  const ready = await lockable(asked, target);
  if (!ready.ok) return ready.error;
  const { found, status } = ready.value;
  const placed = await asked.drive.placeLock(
    {
      nodeId: found.node.id,
      coversBelow: depth === "infinity",
      seconds: secondsOf(asked),
      ...wanted,
    },
    asked.context,
  );
  if (placed.ok) return told(asked, found, { lock: placed.value, status });
  return refused(placed.error, [hrefOfTarget(asked, found)]);
}

/** Releases the lock that `Lock-Token` names. */
export async function unlock(asked: Asked, target: Target): Promise<DoorAnswer> {
  const [, token] = /^<([^<>\s]+)>$/.exec(headerOf(asked, "lock-token")?.trim() ?? "") ?? [];
  if (token === undefined) return refused({ type: "header-invalid", header: "Lock-Token" });
  if (target.kind !== "found") return refused({ type: "path-not-found" });
  const lockId = lockIdIn(token);
  const here = target.locks.some(({ id }) => id === lockId);
  if (!lockId || !here) return refused({ type: "token-unknown" });
  const released = await asked.drive.releaseLock({ lockId }, asked.context);
  return released.ok ? { status: 204 } : refused(released.error);
}
