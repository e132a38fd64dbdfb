import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { CopyNode } from "../application/nodes/copy-node.ts";
import { CreateFolder } from "../application/nodes/create-folder.ts";
import { MoveNode, RestoreNode, TrashNode } from "../application/nodes/move-node.ts";
import { GetNode, ListChildren } from "../application/nodes/read-nodes.ts";
import type { Drive } from "../index.ts";
import { ChildrenView, NodeView, SeenNodeView, toNode, toSeenNode } from "./views.ts";

const version = ({ version: current }: { readonly version: number }) => current;
const one = {
  access: "signed-in",
  success: 200,
  output: NodeView,
  present: toNode,
  version,
} as const;
const seen = { "node-not-found": 404, forbidden: 403 } as const;
export const placed = {
  ...seen,
  "not-a-folder": 409,
  "node-in-trash": 409,
  "node-cycle": 422,
  "too-deep": 422,
  "other-space": 422,
  "name-taken": 409,
  conflict: 409,
} as const;

const changing = (drive: Drive): readonly Route[] => [
  post("/drive/nodes/:nodeId/folders", {
    ...one,
    id: "createFolder",
    summary: "Create a folder",
    description:
      "Creates an empty folder in a folder. Names in one folder differ by more than case and the Unicode form of their letters.",
    input: CreateFolder,
    handle: drive.createFolder,
    success: 201,
    location: ({ id }) => `/drive/nodes/${id}`,
    refusals: placed,
  }),
  post("/drive/nodes/:nodeId/copies", {
    ...one,
    id: "copyNode",
    summary: "Copy a file or a folder",
    description:
      "Creates a file with the newest content of another one, or a folder with all that lies below another one, at most 10000 files and folders: in its folder or in another one (`parentId`), of any space of the caller, under its name or another one (`name`). " +
      "With `ifTaken=replace` what has the name there goes to the trash; with `ifTaken=number` the copy gets another name, as in `photo (2).jpg`. No bytes are copied, and no older revisions.",
    input: CopyNode,
    handle: drive.copyNode,
    success: 201,
    location: ({ id }) => `/drive/nodes/${id}`,
    refusals: { ...placed, "quota-exceeded": 403, "too-many-nodes": 422 },
  }),
  patch("/drive/nodes/:nodeId", {
    ...one,
    id: "moveNode",
    summary: "Rename or move a file or a folder",
    description:
      "Moves a node to another folder of its space (`parentId`), renames it (`name`), or both. What lies below a folder goes with it. With `ifTaken=replace` what has the name there goes to the trash; with `ifTaken=number` the node gets another name, as in `photo (2).jpg`.",
    input: MoveNode,
    handle: drive.moveNode,
    refusals: { ...placed, "node-is-root": 409, "precondition-failed": 412 },
  }),
  del("/drive/nodes/:nodeId", {
    ...one,
    id: "trashNode",
    summary: "Put a file or a folder in the trash",
    description: "What lies below a folder goes with it.",
    input: TrashNode,
    handle: drive.trashNode,
    refusals: {
      ...seen,
      "node-is-root": 409,
      "node-in-trash": 409,
      "precondition-failed": 412,
      conflict: 409,
    },
  }),
  post("/drive/nodes/:nodeId/restoration", {
    ...one,
    id: "restoreNode",
    summary: "Take a file or a folder out of the trash",
    description:
      "Puts a node back where it was, or in another folder (`parentId`), under its name or another one (`name`).",
    input: RestoreNode,
    handle: drive.restoreNode,
    refusals: { ...placed, "node-not-in-trash": 409 },
  }),
];

const reading = (drive: Drive): readonly Route[] => [
  get("/drive/nodes/:nodeId", {
    access: "signed-in",
    id: "getNode",
    summary: "Get a file or a folder",
    input: GetNode,
    handle: drive.getNode,
    success: 200,
    output: SeenNodeView,
    present: toSeenNode,
    version: ({ node }) => node.version,
    isComposed: true,
    refusals: seen,
  }),
  get("/drive/nodes/:nodeId/children", {
    access: "signed-in",
    id: "listChildren",
    summary: "List a folder",
    description: "What lies in a folder, in the order of names without regard to case.",
    input: ListChildren,
    handle: drive.listChildren,
    success: 200,
    output: ChildrenView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toNode) }),
    refusals: { ...seen, "not-a-folder": 409 },
  }),
];

export const nodeRoutes = (drive: Drive): readonly Route[] => [
  ...reading(drive),
  ...changing(drive),
];
