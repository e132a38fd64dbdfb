import { changesOf, eventOf, type Told } from "#platform/http/changes.ts";
import { get, type Route } from "#platform/http/route.ts";
import {
  FollowChanges,
  ListChanges,
  type ChangePage,
} from "../application/changes/list-changes.ts";
import type { Drive } from "../index.ts";
import { ChangesView, toChanges } from "./views.ts";

/** Changes that follow each other faster are told together. */
const gatherMs = 20;
/** Streams of all users of a process, and of one of them, at most. */
const places = [512, 8] as const;

const textOf = (page: ChangePage): string =>
  page.items.length + page.purged.length === 0 ? "" : eventOf("changes", toChanges(page));

const refusals = { "space-not-found": 404, "cursor-lost": 410, forbidden: 403 } as const;

export const changeRoutes = (drive: Drive, told: Told): readonly Route[] => [
  get("/drive/spaces/:spaceId/changes", {
    access: "signed-in",
    id: "listChanges",
    summary: "List the changes of a space",
    description:
      "The files and folders that have changed since a cursor, each once and as it is now. Without a cursor there are none, and `nextCursor` is the present: take it, read the tree, and " +
      "ask for changes from then on. `CURSOR_LOST` says that the server was restored to an earlier state, or that the cursor is too old: read the tree anew.",
    input: ListChanges,
    handle: drive.listChanges,
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
      textOf: (next, closing) => changesOf({ next, textOf, gatherMs }, closing, told),
    },
    refusals,
  }),
];
