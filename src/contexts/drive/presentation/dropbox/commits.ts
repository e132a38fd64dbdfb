import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import type { KeptFile } from "../../application/content/receive-content.ts";
import type { StagingId } from "../../domain/ids.ts";
import type { Node, PlacedFile } from "../../domain/node.ts";
import { flagIn, optionalText, tagIn, textIn, type Args } from "./arguments.ts";
import { revIn, type Names } from "./metadata.ts";
import { at, placeFor, type Asked } from "./places.ts";
import {
  caseOf,
  conflictWith,
  failed,
  malformed,
  Refused,
  tagged,
  within,
  type Around,
  type Refusal,
  type Tagged,
} from "./refusals.ts";

/** Where a content is to go, and what becomes of what is there. */
export type Commit = {
  readonly path: string;
  readonly mode: { readonly tag: string; readonly more: Args };
  readonly isNumbered: boolean;
  readonly isStrict: boolean;
  readonly modifiedAt: Instant | undefined;
};

function modeIn(args: Args): Commit["mode"] {
  const mode = tagIn(args, "mode", "add");
  if (!["add", "overwrite", "update"].includes(mode.tag))
    throw malformed("mode must be add, overwrite or update");
  return mode;
}

export function commitIn(args: Args): Commit {
  const told = optionalText(args, "client_modified");
  const modifiedAt = told === undefined ? undefined : Instant.parse(told);
  if (modifiedAt?.ok === false) throw malformed("client_modified must be an instant");
  return {
    path: textIn(args, "path"),
    mode: modeIn(args),
    isNumbered: flagIn(args, "autorename"),
    isStrict: flagIn(args, "strict_conflict"),
    modifiedAt: modifiedAt?.value,
  };
}

type Kept = { readonly file: PlacedFile; readonly names: Names };
export type Refuse = (reason: Tagged) => Tagged;
type Place = Awaited<ReturnType<typeof placeFor>>;

/** Where a content is to go. A refusal is told as the endpoint tells it. */
export const placeOf = (asked: Asked, path: string, refuse: Refuse): Promise<Place> =>
  placeFor(asked, path, []).catch((error: unknown) => {
    throw error instanceof Refused && error.error ? failed(refuse(error.error)) : error;
  });

/** Gives the file that the client knows another content; undefined where it is another one by now, and the content is to get a name of its own. */
async function updated(
  asked: Asked,
  { content, node, commit, told }: Keeping,
): Promise<Result<PlacedFile, Refusal> | undefined> {
  const { mode, isNumbered } = commit;
  const base = revIn(textIn(mode.more, "update"));
  if (base?.nodeId !== node?.id || base === undefined)
    return isNumbered ? undefined : err({ type: "stale-revision" });
  const expectedVersion = base.revision as number as Version;
  const ifStale = isNumbered ? "copy" : "refuse";
  const revision = { nodeId: base.nodeId, expectedVersion, content, ifStale, ...told } as const;
  return asked.drive.reviseFile(revision, asked.context());
}

type Keeping = {
  readonly content: KeptFile;
  readonly node: Node | undefined;
  readonly commit: Commit;
  readonly place: Place;
  readonly told: { readonly modifiedAt?: Instant };
};

/** Makes a file, or the next content of the one that is there, as the mode says. */
async function written(asked: Asked, keeping: Keeping): Promise<Result<PlacedFile, Refusal>> {
  const { content, node, commit, place, told } = keeping;
  const { mode, isNumbered, isStrict } = commit;
  const isSame = node?.kind === "file" && node.content.hash === content.kept.hash;
  if (isSame && !isStrict && mode.tag !== "overwrite") {
    const file = { nodeId: node.id, revision: node.content.revision };
    const settled = { stagingIds: [content.stagingId], file };
    inSession(await asked.drive.settleStagings(settled, asked.context()));
    return ok(node as PlacedFile);
  }
  const update = mode.tag === "update" ? await updated(asked, keeping) : undefined;
  if (update) return update;
  const replaces = mode.tag === "overwrite" && node?.kind !== "folder";
  const ifTaken = replaces ? "replace" : isNumbered ? "number" : "refuse";
  const { nodeId, name } = place;
  const file = { nodeId, name, content, ifTaken, ...told } as const;
  return asked.drive.createFile(file, asked.context());
}

/** Makes a content that was put together a file's. */
async function kept(
  asked: Asked,
  content: KeptFile,
  commit: Commit,
  refuse: Refuse,
): Promise<Kept> {
  const place = await placeOf(asked, commit.path, refuse);
  const node = await at(asked, [...place.names, place.name]);
  const told = commit.modifiedAt === undefined ? {} : { modifiedAt: commit.modifiedAt };
  const file = await written(asked, { content, node, commit, place, told });
  if (file.ok) {
    return { file: file.value, names: [...place.names, file.value.name] };
  }
  const isTaken = file.error.type === "name-taken" || file.error.type === "stale-revision";
  throw failed(refuse(isTaken ? conflictWith(node?.kind ?? "file") : caseOf(file.error)));
}

/** The refusals of a session, which the API tells without a path. */
export function inSession<V>(
  result:
    | { readonly ok: true; readonly value: V }
    | { readonly ok: false; readonly error: Refusal },
  around: Around = [],
): V {
  if (result.ok) return result.value;
  const { error } = result;
  const told =
    error.type === "offset-mismatch"
      ? tagged("incorrect_offset", { correct_offset: error["offset"] })
      : error.type === "length-mismatch"
        ? tagged("incorrect_offset", { correct_offset: error["bytes"] })
        : caseOf(error);
  throw failed(within(around, told));
}

/** `length`: the bytes that the client has said there are. */
export type Ending = {
  readonly stagingId: StagingId;
  readonly commit: Commit;
  readonly length?: number;
};

/** Ends a content that was put together, and makes it a file's. */
export async function keptOf(
  asked: Asked,
  { stagingId, commit, length }: Ending,
  refuse: Refuse,
): Promise<Kept> {
  const told = commit.modifiedAt === undefined ? {} : { modifiedAt: commit.modifiedAt };
  const sealing = { stagingId, ...told, ...(length === undefined ? {} : { length }) };
  const sealed = await asked.drive.sealStaging(sealing, asked.context());
  return kept(asked, inSession(sealed, ["lookup_failed"]), commit, refuse);
}
