import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { PurgeNode } from "../application/nodes/purge-node.ts";
import { FindByPath, ListTrash } from "../application/nodes/read-nodes.ts";
import { DeleteSpace, RenameSpace } from "../application/spaces/change-space.ts";
import { GetSpace, ListSpaces, OpenSpace } from "../application/spaces/spaces.ts";
import { GetUsage } from "../application/spaces/usage.ts";
import { SearchNodes } from "../application/nodes/search-nodes.ts";
import type { Drive } from "../index.ts";
import {
  FoundView,
  SeenNodeView,
  SpacesView,
  SpaceView,
  toFound,
  toNode,
  toSeenNode,
  toSpace,
  toUsage,
  TrashView,
  UsageView,
} from "./views.ts";

const ownSpaces = (drive: Drive): readonly Route[] => [
  post("/drive/spaces", {
    access: "signed-in",
    id: "openSpace",
    summary: "Open a space",
    description: "Opens an empty space for the caller. One user has at most 20 spaces.",
    input: OpenSpace,
    handle: drive.openSpace,
    success: 201,
    output: SpaceView,
    present: toSpace,
    location: ({ id }) => `/drive/spaces/${id}`,
    refusals: { "too-many-spaces": 409, forbidden: 403, conflict: 409 },
  }),
  get("/drive/spaces", {
    access: "signed-in",
    id: "listSpaces",
    summary: "List spaces",
    description:
      "The spaces of the caller, and then those of others that they are a member of, each in the order of their opening.",
    input: ListSpaces,
    handle: drive.listSpaces,
    success: 200,
    output: SpacesView,
    present: (items) => ({ items: items.map(toSpace) }),
    refusals: { forbidden: 403 },
  }),
  get("/drive/usage", {
    access: "signed-in",
    id: "getUsage",
    summary: "Get the storage usage",
    description:
      "Returns the bytes of all files, revisions and trash in the spaces of the caller, and the limit, if there is one (`quotaBytes`). Equal contents in a space count once.",
    input: GetUsage,
    handle: drive.getUsage,
    success: 200,
    output: UsageView,
    present: toUsage,
    refusals: { forbidden: 403 },
  }),
  get("/drive/spaces/:spaceId", {
    access: "signed-in",
    id: "getSpace",
    summary: "Get a space",
    input: GetSpace,
    handle: drive.getSpace,
    success: 200,
    output: SpaceView,
    present: toSpace,
    refusals: { "space-not-found": 404, forbidden: 403 },
  }),
  get("/drive/spaces/:spaceId/paths", {
    access: "signed-in",
    id: "findByPath",
    summary: "Find a file or a folder by its path",
    description:
      "The node at a `path`, as in `/Photos/2026`, without regard to case. `nearest` in a refusal is the folder that the way down ends in.",
    input: FindByPath,
    handle: drive.findByPath,
    success: 200,
    output: SeenNodeView,
    present: toSeenNode,
    version: ({ node }) => node.version,
    isComposed: true,
    refusals: { "space-not-found": 404, "path-not-found": 404, forbidden: 403 },
  }),
];

const searching = (drive: Drive): Route =>
  get("/drive/spaces/:spaceId/search", {
    access: "signed-in",
    id: "searchNodes",
    summary: "Search files and folders",
    description:
      "Files and folders of a space whose names have all parts of `q`, as in `invoice 2026`, without regard to case; those that were changed last come first. What is in the trash is not found. A search for very common parts of names may find only some: `isComplete` says so.",
    input: SearchNodes,
    handle: drive.searchNodes,
    success: 200,
    output: FoundView,
    present: toFound,
    refusals: { "space-not-found": 404, forbidden: 403 },
  });

const changingSpaces = (drive: Drive): readonly Route[] => [
  patch("/drive/spaces/:spaceId", {
    access: "signed-in",
    id: "renameSpace",
    summary: "Rename a space",
    input: RenameSpace,
    handle: drive.renameSpace,
    success: 200,
    output: SpaceView,
    present: toSpace,
    refusals: { "space-not-found": 404, forbidden: 403, conflict: 409 },
  }),
  del("/drive/spaces/:spaceId", {
    access: "signed-in",
    id: "deleteSpace",
    summary: "Delete a space",
    description: "Deletes an empty space; its trash must be empty, too (`SPACE_NOT_EMPTY`).",
    input: DeleteSpace,
    handle: drive.deleteSpace,
    success: 204,
    refusals: { "space-not-found": 404, "space-not-empty": 409, forbidden: 403, conflict: 409 },
  }),
];

const trashRoutes = (drive: Drive): readonly Route[] => [
  get("/drive/spaces/:spaceId/trash", {
    access: "signed-in",
    id: "listTrash",
    summary: "List the trash of a space",
    description:
      "The files and folders that were put in the trash, the newest first. A folder takes all that lies below it along, which is not listed.",
    input: ListTrash,
    handle: drive.listTrash,
    success: 200,
    output: TrashView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toNode) }),
    refusals: { "space-not-found": 404, forbidden: 403 },
  }),
  del("/drive/trash/:nodeId", {
    access: "signed-in",
    id: "purgeNode",
    summary: "Delete a file or a folder for good",
    description:
      "Deletes what is in the trash, with all that lies below it. It cannot be taken back.",
    input: PurgeNode,
    handle: drive.purgeNode,
    success: 204,
    refusals: { "node-not-found": 404, "node-not-in-trash": 409, forbidden: 403, conflict: 409 },
  }),
];

export const spaceRoutes = (drive: Drive): readonly Route[] => [
  ...ownSpaces(drive),
  searching(drive),
  ...changingSpaces(drive),
  ...trashRoutes(drive),
];
