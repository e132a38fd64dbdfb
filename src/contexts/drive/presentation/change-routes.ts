import type { Context } from "#kernel/context.ts";
import { branded, described, optional, shape, type Infer } from "#kernel/shape.ts";
import { awaitNews, changesOf, eventOf, type Told } from "#platform/http/changes.ts";
import { get, type Route } from "#platform/http/route.ts";
import {
  FollowChanges,
  ListChanges,
  type ChangePage,
} from "../application/changes/list-changes.ts";
import type { SpaceId } from "../domain/ids.ts";
import type { Drive } from "../index.ts";
import { ChangesView, toChanges } from "./views.ts";

/** Changes that follow each other faster are told together. */
const gatherMs = 20;
/** Streams of all users of a process, and of one of them, at most. */
const places = [512, 8] as const;

const textOf = (page: ChangePage): string =>
  page.items.length + page.purged.length === 0 ? "" : eventOf("changes", toChanges(page));

/** What tells of changes of a space. */
export type ToldOf = (spaceId: SpaceId) => Told;

/** Seconds that a client may wait for changes, and clients that wait, of all and of one user. */
const maxWaitS = 60;
const waiting = [512, 8] as const;
const WaitSeconds = branded<number>("number of seconds", {
  schema: { type: "integer", minimum: 0, maximum: maxWaitS },
});
const AwaitChanges = shape({
  ...ListChanges.fields,
  wait: optional(
    described(`How many seconds to wait for changes, ${maxWaitS} at most`, WaitSeconds),
  ),
});
type AwaitChanges = Infer<typeof AwaitChanges>;

/** Lists the changes since a cursor, once there are any. */
const awaiting =
  (drive: Drive, toldOf: ToldOf) =>
  ({ wait = 0, ...input }: AwaitChanges, context: Context, ending: () => AbortSignal) => {
    let { cursor } = input;
    return awaitNews(
      {
        async ask(passedMs) {
          const look = { ...input, ...(cursor === undefined ? {} : { cursor }) };
          const deadlineMs = context.deadlineMs + passedMs;
          const page = await drive.listChanges(look, { ...context, deadlineMs });
          if (page.ok && input.cursor !== undefined) cursor = page.value.nextCursor;
          return page;
        },
        isNews: ({ items, purged }) => items.length + purged.length > 0,
        waitMs: input.cursor === undefined ? 0 : wait * 1_000,
        ending: ending(),
      },
      toldOf(input.spaceId),
    );
  };

const refusals = { "space-not-found": 404, "cursor-lost": 410, forbidden: 403 } as const;

export const changeRoutes = (drive: Drive, toldOf: ToldOf): readonly Route[] => [
  get("/drive/spaces/:spaceId/changes", {
    access: "signed-in",
    id: "listChanges",
    summary: "List the changes of a space",
    description:
      "The files and folders that have changed since a cursor, each once and as it is now. Without a cursor there are none, and `nextCursor` is the present: take it, read the tree, and " +
      "ask for changes from then on. With `wait` the answer comes at the next change, or once so many seconds have passed. `CURSOR_LOST` says that the server was restored to an earlier state, or that the cursor is too old: read the tree anew.",
    input: AwaitChanges,
    handle: awaiting(drive, toldOf),
    longPoll: {
      isWaiting: ({ wait = 0, cursor }) => wait > 0 && cursor !== undefined,
      places: waiting,
    },
    success: 200,
    output: ChangesView,
    present: toChanges,
    refusals,
  }),
  get("/drive/spaces/:spaceId/changes/stream", {
    access: "signed-in",
    id: "followChanges",
    summary: "Follow the changes of a space",
    description:
      "Server-sent events named `changes`, each with the body of `GET /drive/spaces/{spaceId}/changes`, from a cursor on, or from now on. The stream ends after ten minutes or with the session; " +
      "the client goes on with the last `nextCursor`.",
    input: FollowChanges,
    handle: drive.followChanges,
    success: 200,
    stream: {
      mediaTypes: ["text/event-stream"],
      places,
      textOf: ({ spaceId, next }, closing) =>
        changesOf({ next, textOf, gatherMs }, closing, toldOf(spaceId)),
    },
    refusals,
  }),
];
