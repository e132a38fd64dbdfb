import { below } from "#platform/address.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Told } from "#platform/http/changes.ts";
import type { Door, DoorAnswer, DoorRequest } from "#platform/http/door.ts";
import type { Secrets } from "#platform/secrets/secrets.ts";
import type { LinkTokens } from "../../application/ports/links.ts";
import type { SpaceId } from "../../domain/ids.ts";
import type { Drive } from "../../index.ts";
import { arrival } from "../content-routes.ts";
import { argsIn, headerArgs, textIn, type Args } from "./arguments.ts";
import { download, listRevisions, restore, upload } from "./contents.ts";
import {
  awaitChanges,
  continueList,
  cursors,
  latestCursor,
  listFolder,
  type Cursors,
} from "./lists.ts";
import { createLink, currentAccount, listLinks, revokeLink, spaceUsage } from "./people.ts";
import type { Asked } from "./places.ts";
import { json, Refused, tagged, failed } from "./refusals.ts";
import { appendToSession, finishSession, finishSessions, startSession } from "./sessions.ts";
import {
  copy,
  copyAll,
  createFolder,
  createFolders,
  getMetadata,
  move,
  moveAll,
  remove,
  removeAll,
  search,
} from "./trees.ts";

export type DropboxDeps = {
  readonly drive: Drive;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, "sign" | "isSigned">;
  readonly linkTokens: LinkTokens;
  readonly toldOf: (spaceId: SpaceId) => Told;
  /** The address of the server as clients know it; undefined where it has none but the one that is asked. */
  readonly publicUrl: string | undefined;
  /** The verified address of a user, which is told to that user alone. */
  readonly addressOf: (userId: string) => Promise<string | undefined>;
};

/** Bytes of the body of a long poll, which needs no credential. */
const maxCursor = 64 * 1_024;
/** Each step of a call has so much time, as a request has. */
const stepMs = 10_000;
const path = "/dropbox/2";

type Call = (asked: Asked, args: Args) => Promise<object | null>;
type Taking = (asked: Asked, args: Args, body: DoorRequest["body"]) => Promise<object | null>;

/** Calls whose bodies are contents. */
const taking: Readonly<Record<string, Taking>> = {
  "files/upload": upload,
  "files/upload_session/start": startSession,
  "files/upload_session/append_v2": appendToSession,
  "files/upload_session/finish": finishSession,
};

/** Batches are complete when they are answered, so that there are no jobs. */
const noJob: Call = async () => {
  throw failed(tagged("invalid_async_job_id"));
};

function callsOf(
  { linkTokens, addressOf }: DropboxDeps,
  cursoring: Cursors,
): Readonly<Record<string, Call>> {
  return {
    "check/user": async (_asked, args) => ({ result: textIn({ query: "", ...args }, "query") }),
    "users/get_current_account": currentAccount(addressOf),
    "users/get_space_usage": spaceUsage,
    "files/get_metadata": getMetadata,
    "files/list_folder": listFolder(cursoring),
    "files/list_folder/continue": continueList(cursoring),
    "files/list_folder/get_latest_cursor": latestCursor(cursoring),
    "files/create_folder_v2": createFolder,
    "files/create_folder_batch": createFolders,
    "files/copy_v2": copy,
    "files/copy_batch_v2": copyAll,
    "files/copy_batch/check_v2": noJob,
    "files/move_v2": move,
    "files/move_batch_v2": moveAll,
    "files/move_batch/check_v2": noJob,
    "files/delete_v2": remove,
    "files/delete_batch": removeAll,
    "files/delete_batch/check": noJob,
    "files/create_folder_batch/check": noJob,
    "files/upload_session/finish_batch_v2": finishSessions,
    "files/upload_session/finish_batch": async (asked, args) =>
      tagged("complete", await finishSessions(asked, args)),
    "files/upload_session/finish_batch/check": noJob,
    "files/list_revisions": listRevisions,
    "files/restore": restore,
    "files/search_v2": search,
    "sharing/create_shared_link_with_settings": createLink(linkTokens),
    "sharing/list_shared_links": listLinks(linkTokens),
    "sharing/revoke_shared_link": revokeLink(linkTokens),
  };
}

const unknown = (name: string): DoorAnswer => ({
  status: 400,
  headers: { "content-type": "text/plain; charset=utf-8" },
  text: `Unknown API function: ${JSON.stringify(name)}`,
});

const refusedAnswer = (error: unknown): DoorAnswer => {
  if (error instanceof Refused) return error.answer;
  throw error;
};

/** The calls of the API of Dropbox, version 2, on the spaces of the caller. Source: dropbox-api-spec. */
export function dropbox(deps: DropboxDeps): readonly Door[] {
  const { drive, clock, toldOf, publicUrl } = deps;
  const cursoring = cursors(deps.secrets);
  const calls = callsOf(deps, cursoring);
  const askedOf = ({ host, at }: DoorRequest, context: Context): Asked => ({
    drive,
    context: () => ({ ...context, deadlineMs: clock.unixMs() + stepMs }),
    api: below(publicUrl ?? `http://${host}${at.slice(0, at.indexOf(path))}`, "/api/v1"),
  });

  async function call(name: string, request: DoorRequest, context: Context): Promise<DoorAnswer> {
    const asked = askedOf(request, context);
    if (name === "files/download") return download(asked, headerArgs(request));
    const takes = Object.hasOwn(taking, name) ? taking[name] : undefined;
    if (takes) return json(200, await takes(asked, headerArgs(request), request.body));
    const answer = Object.hasOwn(calls, name) ? calls[name] : undefined;
    return answer ? json(200, await answer(asked, await argsIn(request))) : unknown(name);
  }

  async function wait(request: DoorRequest, context: Context): Promise<DoorAnswer> {
    const waiting = { cursoring, toldOf, wait: request.wait, context };
    return json(200, await awaitChanges({ drive }, await argsIn(request, maxCursor), waiting));
  }

  const posts = { methods: ["POST"], options: { allow: "OPTIONS, POST" } } as const;
  const long = { ...posts, fileMethods: ["POST"], places: arrival.places } as const;
  const named =
    (below: string): Door["answer"] =>
    (request, context) =>
      call((below + request.path).slice(1), request, context).catch(refusedAnswer);
  return [
    { ...posts, name: "dropbox", path, answer: named("") },
    ...["/files/upload", "/files/upload_session"].map((below) => ({
      ...long,
      name: `dropbox${below.replaceAll(/[/_]/g, "-")}`,
      path: path + below,
      answer: named(below),
    })),
    {
      ...posts,
      name: "dropbox-longpoll",
      access: "public",
      path: `${path}/files/list_folder/longpoll`,
      answer: (request, context) => wait(request, context).catch(refusedAnswer),
    },
  ];
}
