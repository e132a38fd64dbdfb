import { expect } from "#kernel/result.ts";
import { ChangeCursor, ListChanges } from "../../application/changes/list-changes.ts";
import type { SpaceId } from "../../domain/ids.ts";
import { inTime, type Asked } from "./asked.ts";
import { needs, type Wanted } from "./properties.ts";
import type { Found } from "./targets.ts";

const scheme = "urn:basalt:sync:";

export const syncTokenOf = (cursor: ChangeCursor): string => scheme + cursor;

export function cursorIn(token: string): ChangeCursor | undefined {
  const said = token.startsWith(scheme) ? token.slice(scheme.length) : undefined;
  const cursor = ChangeCursor.parse(said);
  return cursor.ok ? cursor.value : undefined;
}

/** The present of a space. */
export async function presentOf(asked: Asked, spaceId: SpaceId): Promise<ChangeCursor> {
  const asking = expect(ListChanges.parse({ spaceId }));
  const listed = await asked.drive.listChanges(asking, inTime(asked));
  if (!listed.ok) throw new Error(`${spaceId} has no present: ${listed.error.type}`);
  return listed.value.nextCursor;
}

/** The token from which a client can follow a folder; undefined if it is not asked for. */
export const syncTokenIn = async (
  asked: Asked,
  { node }: Found,
  wanted: Wanted,
): Promise<string | undefined> =>
  needs(wanted).syncToken ? syncTokenOf(await presentOf(asked, node.spaceId)) : undefined;
