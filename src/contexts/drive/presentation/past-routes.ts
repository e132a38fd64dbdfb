import { get, post, type Route } from "#platform/http/route.ts";
import { ListPast } from "../application/time-machine/read-past.ts";
import { RestorePast } from "../application/time-machine/restore-past.ts";
import type { Drive } from "../index.ts";
import { PastView, RewoundView, toPast } from "./views.ts";

const past = {
  "node-not-found": 404,
  "not-a-folder": 409,
  "no-such-past": 422,
  forbidden: 403,
} as const;

export const pastRoutes = (drive: Drive): readonly Route[] => [
  get("/drive/nodes/:nodeId/past", {
    access: "signed-in",
    id: "listPast",
    summary: "List a folder as it was",
    description:
      "Lists what lay in a folder at a time (`at`, now by default), by the names of that time, without what has been deleted for good since. `revision` is the one that a file had then: use it to download that content.",
    input: ListPast,
    handle: drive.listPast,
    success: 200,
    output: PastView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toPast) }),
    refusals: past,
  }),
  post("/drive/nodes/:nodeId/past/restoration", {
    access: "signed-in",
    id: "restorePast",
    summary: "Restore a folder to an earlier time",
    description:
      "Restores a folder, with everything below it, to a time (`at`), in one transaction. What was deleted comes back from the trash, what was moved or renamed in the folder goes back, files get the contents that they had, " +
      "and what was not there goes to the trash. What was moved out of the folder stays where it is, and the folder gets a copy. Nothing is lost: the same call with a later time takes it back. `dryRun` tells what would change.",
    input: RestorePast,
    handle: drive.restorePast,
    success: 200,
    output: RewoundView,
    refusals: {
      ...past,
      "node-in-trash": 409,
      "too-many-nodes": 422,
      "too-deep": 422,
      "too-busy": 429,
      conflict: 409,
    },
  }),
];
