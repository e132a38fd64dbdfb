import type { DoorAnswer } from "#platform/http/door.ts";
import type { ChangeCursor } from "../../application/changes/list-changes.ts";
import type { Placed } from "../../domain/node.ts";
import { refused, response, streamedMultistatus, xmlAnswer } from "./answers.ts";
import { inTime, type Asked } from "./asked.ts";
import { childHrefs, namesIn, pagesOf, telling, tellingOf, type Tell } from "./propfind.ts";
import { cursorIn, presentOf, syncTokenOf } from "./sync-token.ts";
import { hrefOf, type Found, type Target } from "./targets.ts";
import { childOf, dav, readXml, textOf, type Element } from "./xml.ts";

/** Why a report is refused, as RFC 6578 names it. */
const unmet = (condition: string) =>
  xmlAnswer(
    403,
    `<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:${condition}/></D:error>`,
  );

const gone = "<D:status>HTTP/1.1 404 Not Found</D:status>";

type Following = { readonly asked: Asked; readonly target: Found; readonly tell: Tell };

/** All that lies in a folder, for a client that begins. */
async function* everything({ asked, target, tell }: Following): AsyncGenerator<string> {
  const { node } = target;
  const cursor = await presentOf(asked, node.spaceId);
  for await (const page of pagesOf(asked, node)) {
    const asking = { folderId: node.id, nodeIds: page.map(({ id }) => id), cursor };
    const unmoved = await asked.drive.findUnmoved(asking, inTime(asked));
    if (!unmoved.ok) throw new Error(`${node.id} could not be listed: ${unmoved.error.type}`);
    // The next report tells the children that have moved meanwhile.
    const still = page.filter(({ id }) => unmoved.value.has(id));
    yield* tell(still, childHrefs(asked, target));
  }
  yield tokenElement(syncTokenOf(cursor));
}

const tokenElement = (token: string): string => `<D:sync-token>${token}</D:sync-token>`;

type Changed = {
  readonly there: ReadonlyMap<string, Placed>;
  readonly gone: ReadonlySet<string>;
  readonly next: ChangeCursor;
};

/** The changes in a folder since a cursor, by names; undefined if the cursor is lost. */
async function changedIn(
  asked: Asked,
  { node }: Found,
  since: ChangeCursor,
): Promise<Changed | undefined> {
  const there = new Map<string, Placed>();
  const left = new Set<string>();
  for (let cursor = since; ;) {
    const asking = { folderId: node.id, isDeep: false, cursor };
    const page = await asked.drive.listPathChanges(asking, inTime(asked));
    if (!page.ok) return undefined;
    for (const [name = ""] of page.value.gone) {
      there.delete(name);
      left.add(name);
    }
    for (const { node: one } of page.value.there) {
      left.delete(one.name);
      there.set(one.name, one);
    }
    cursor = page.value.nextCursor;
    if (!page.value.hasMore) return { there, gone: left, next: cursor };
  }
}

async function* changes(
  { asked, target, tell }: Following,
  { there, gone: left, next }: Changed,
): AsyncGenerator<string> {
  const folder = hrefOf(asked.request.at, target.names, true).slice(0, -1);
  for (const name of left) yield response(hrefOf(folder, [name], false), gone);
  yield* tell([...there.values()], childHrefs(asked, target));
  yield tokenElement(syncTokenOf(next));
}

/** The options of a `sync-collection` report; undefined for another report. */
function askedIn(root: Element | undefined) {
  if (root?.namespace !== dav || root.name !== "sync-collection") return undefined;
  const textIn = (name: string) => textOf(childOf(root, name) ?? root).trim();
  const hasChild = (name: string) => childOf(root, name) !== undefined;
  return {
    token: hasChild("sync-token") ? textIn("sync-token") : "",
    level: hasChild("sync-level") ? textIn("sync-level") : "1",
    isLimited: hasChild("limit"),
    names: namesIn(childOf(root, "prop")),
  };
}

/** Tells what has changed in a folder since a token, or all of it without one. Source: RFC 6578. */
export async function report(asked: Asked, target: Target): Promise<DoorAnswer> {
  const body = await readXml(asked.request.body, asked.timers);
  if (!body.ok) return refused(body.error);
  const wants = askedIn(body.value);
  if (!wants) return unmet("supported-report");
  if (wants.names === "too-much") return refused({ type: "too-much-asked" });
  if (target.kind === "missing") return refused({ type: "path-not-found" });
  if (target.kind === "home" || target.node.kind === "file") return unmet("supported-report");
  if (wants.level !== "1") return unmet("sync-traversal-supported");
  if (wants.isLimited) return unmet("number-of-matches-within-limits");
  const wanted = { kind: "some", names: wants.names } as const;
  const about = await tellingOf(asked, target, { wanted, depth: 1 });
  const following = { asked, target, tell: await telling(asked, target, about) };
  if (wants.token === "") return streamedMultistatus(everything(following));
  const cursor = cursorIn(wants.token);
  const changed = cursor && (await changedIn(asked, target, cursor));
  if (!changed) return unmet("valid-sync-token");
  return streamedMultistatus(changes(following, changed));
}
