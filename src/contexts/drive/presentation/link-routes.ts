import { ok } from "#kernel/result.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import {
  GetShared,
  ListShared,
  ReadSharedThumbnail,
  VisitLink,
} from "../application/links/follow-links.ts";
import {
  CreateLink,
  ListLinks,
  RevokeLink,
  type UsedLink,
} from "../application/links/manage-links.ts";
import { DropFile, maxDroppedBytes } from "../application/links/drop-file.ts";
import type { LinkTokens } from "../application/ports/links.ts";
import type { Drive } from "../index.ts";
import { arrival, sent, sentPicture } from "./content-routes.ts";
import { zipOf } from "./zip-archive.ts";
import { uploadedFile } from "./uploaded-file.ts";
import {
  DroppedView,
  LinksView,
  LinkView,
  SharedChildrenView,
  SharedView,
  toDropped,
  toLink,
  toOpened,
  toShared,
  VisitView,
} from "./link-views.ts";

export type Linking = Pick<LinkTokens, "tokenOf">;

const managing = (drive: Drive, { tokenOf }: Linking): readonly Route[] => {
  const present = (used: UsedLink) => toLink(used, tokenOf(used.link.id));
  return [
    post("/drive/nodes/:nodeId/links", {
      access: "signed-in",
      id: "createLink",
      summary: "Share a file or a folder by a link",
      description:
        "Anyone with the `token` can read the file, or the folder with everything below it: with a `password`, until `expiresAt`, for `maxDownloads` downloads. With `allows: drop`, the link takes files into the folder instead (`maxDownloads` of them), and shows nothing of it; with `allows: preview`, it shows names and small pictures, but no contents. The link works for as long as its creator may read the file or folder.",
      input: CreateLink,
      handle: drive.createLink,
      success: 201,
      output: LinkView,
      present,
      location: ({ link }) => `/drive/links/${link.id}`,
      refusals: {
        "node-not-found": 404,
        "node-in-trash": 409,
        "not-a-folder": 409,
        "too-many-links": 409,
        "expiry-past": 422,
        "preview-without-downloads": 422,
        "too-busy": 429,
        forbidden: 403,
        conflict: 409,
      },
    }),
    get("/drive/nodes/:nodeId/links", {
      access: "signed-in",
      id: "listLinks",
      summary: "List the links to a file or a folder",
      input: ListLinks,
      handle: drive.listLinks,
      success: 200,
      output: LinksView,
      present: (links) => ({ items: links.map(present) }),
      refusals: { "node-not-found": 404, forbidden: 403 },
    }),
    del("/drive/links/:linkId", {
      access: "signed-in",
      id: "revokeLink",
      summary: "Revoke a link",
      description: "From the next request on, the link opens nothing.",
      input: RevokeLink,
      handle: drive.revokeLink,
      success: 204,
      refusals: { "link-not-found": 404, forbidden: 403, conflict: 409 },
    }),
  ];
};

const closed = { "link-not-found": 404, "link-expired": 410 } as const;
const unopened = { ...closed, "visit-required": 403 } as const;
const unreadable = { ...unopened, "link-drops-only": 403 } as const;
const unopenedContent = { ...unreadable, "link-previews-only": 403, "link-used-up": 410 } as const;

/** Files of strangers that arrive at once, and those of one network. */
const [maxDrops, maxDropsOfOne] = [16, 4];

const dropping = (drive: Drive): Route =>
  post("/drive/shared/:link/files", {
    access: "public",
    id: "dropFile",
    summary: "Drop a file into the folder of a link",
    description:
      "Creates a file of at most 1 GiB in the folder of a link that takes files (`allows`: `drop`), and tells nothing of what is in it: a file whose `name` is taken gets a number there.",
    input: DropFile,
    upload: {
      ...arrival,
      places: [maxDrops, maxDropsOfOne],
      field: "content",
      maxBytes: maxDroppedBytes,
      read: uploadedFile,
      mayBegin: async () => ok(undefined),
    },
    handle: drive.dropFile,
    success: 201,
    output: DroppedView,
    present: toDropped,
    refusals: {
      ...unopened,
      "folder-full": 403,
      "link-reads-only": 403,
      "link-used-up": 410,
      "file-too-large": 422,
      conflict: 409,
    },
  });

const following = (drive: Drive): readonly Route[] => [
  post("/drive/shared/:link/visits", {
    access: "public",
    attempts: { name: "link-visit", account: "link", forgive: true },
    id: "visitLink",
    summary: "Visit a link",
    description:
      "A `visit` is good for an hour, and is sent along as a query parameter. Links with a password need one. Within a visit, a file counts as downloaded once, however often and in however many parts it is asked for.",
    input: VisitLink,
    handle: drive.visitLink,
    success: 201,
    output: VisitView,
    refusals: { ...closed, "password-wrong": 403, "too-busy": 429 },
  }),
  get("/drive/shared/:link", {
    access: "public",
    id: "getShared",
    summary: "Get what a link opens",
    description:
      "Returns the file or folder of a link, or the one below it that `nodeId` names. Where `allows` is `drop`, the link takes files into its folder, and shows nothing of it.",
    input: GetShared,
    handle: drive.getShared,
    success: 200,
    output: SharedView,
    present: toOpened,
    refusals: unreadable,
  }),
  get("/drive/shared/:link/children", {
    access: "public",
    id: "listShared",
    summary: "List a folder that a link opens",
    description: "The folder of a link, or with `nodeId` one that lies below it.",
    input: ListShared,
    handle: drive.listShared,
    success: 200,
    output: SharedChildrenView,
    present: ({ items, allows, ...page }) => ({
      ...page,
      items: items.map((node) => toShared(node, allows)),
    }),
    refusals: { ...unreadable, "not-a-folder": 409 },
  }),
  get("/drive/shared/:link/content", {
    access: "public",
    id: "readShared",
    summary: "Download a file that a link opens",
    description:
      "Returns the content of the file of a link, or of the file below its folder that `nodeId` names. If downloads are limited, each file counts once per visit.",
    input: GetShared,
    handle: drive.readShared,
    success: 200,
    ...sent,
    refusals: { ...unopenedContent, "not-a-file": 409, conflict: 409 },
  }),
  get("/drive/shared/:link/thumbnail", {
    access: "public",
    id: "readSharedThumbnail",
    summary: "Download a small picture of a file that a link opens",
    description:
      "Like `GET /drive/nodes/{nodeId}/thumbnail`. It is no download: links whose downloads are limited or used up show small pictures, too. A link that `allows` `preview` shows at most 256 pixels.",
    input: ReadSharedThumbnail,
    handle: (input, context, ending) =>
      drive.readSharedThumbnail({ ...input, ending: ending() }, context),
    success: 200,
    ...sentPicture,
    refusals: { ...unreadable, "not-a-file": 409, "no-thumbnail": 422, "too-busy": 429 },
  }),
];

const packing = (drive: Drive): Route =>
  get("/drive/shared/:link/archive", {
    access: "public",
    id: "readSharedArchive",
    summary: "Download a folder that a link opens",
    description:
      "The folder of a link, or with `nodeId` one that lies below it, with all that lies in it, as a ZIP archive. Where downloads are limited, it counts as one file does.",
    input: GetShared,
    handle: drive.readSharedArchive,
    success: 200,
    download: zipOf,
    refusals: {
      ...unopenedContent,
      "not-a-folder": 409,
      "too-many-nodes": 422,
      "paths-too-long": 422,
      conflict: 409,
    },
  });

export const linkRoutes = (drive: Drive, linking: Linking): readonly Route[] => [
  ...managing(drive, linking),
  ...following(drive),
  packing(drive),
  dropping(drive),
];
