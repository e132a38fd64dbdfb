import type { Context } from "#kernel/context.ts";
import { get, post, put, type ByteRange, type Route } from "#platform/http/route.ts";
import { ReadArchive } from "../application/content/read-archive.ts";
import { ReadFile, type ReadableFile } from "../application/content/read-file.ts";
import { ReadThumbnail, type SmallPicture } from "../application/content/thumbnails.ts";
import { ListRevisions, RestoreRevision } from "../application/content/revisions.ts";
import { CreateFile, ReviseFile } from "../application/content/write-file.ts";
import { CreateFiles } from "../application/content/create-files.ts";
import { maxArchiveBytes } from "../application/content/receive-archive.ts";
import { maxFileBytes } from "../domain/content.ts";
import type { File } from "../domain/node.ts";
import type { Drive } from "../index.ts";
import { placed } from "./node-routes.ts";
import { uploadedArchive } from "./uploaded-archive.ts";
import { uploadedFile } from "./uploaded-file.ts";
import { zipOf } from "./zip-archive.ts";
import { EntriesView, NodeView, RevisionsView, toEntry, toNode, toRevision } from "./views.ts";

/** The tag of a content, as in `"r3"`, is none of the node, which counts its changes. */
export const tagKind = "r";
export const revision = ({ content }: Pick<File, "content">) => content.revision;

/** Files that arrive at once, from all and from one user. Each holds a megabyte at most. */
const [maxUploads, maxUploadsOfOne] = [64, 16];

export const arrival = {
  mediaTypes: ["application/octet-stream"],
  places: [maxUploads, maxUploadsOfOne],
} as const;

const uploadOf = (drive: Drive) =>
  ({
    ...arrival,
    field: "content",
    maxBytes: maxFileBytes,
    read: uploadedFile,
    mayBegin: (context: Context) => drive.mayUpload({}, context),
  }) as const;

/** How a content is sent. */
export const sent = {
  download: {
    sizeOf: ({ file }: ReadableFile) => file.content.size,
    fileName: ({ file }: ReadableFile) => file.name,
    modifiedAt: ({ file }: ReadableFile) => file.content.modifiedAt,
    bytes: ({ bytes }: ReadableFile, range: ByteRange) => bytes(range),
  },
  version: ({ file }: ReadableFile) => revision(file),
  tagKind,
};

export const written = {
  "node-not-found": 404,
  "not-a-file": 409,
  "node-in-trash": 409,
  "stale-revision": 412,
  forbidden: 403,
  conflict: 409,
} as const;

/** Whoever adds content may be refused it. */
export const kept = { "quota-exceeded": 403 } as const;

const writing = (drive: Drive): readonly Route[] => [
  post("/drive/nodes/:nodeId/files", {
    access: "signed-in",
    id: "createFile",
    summary: "Create a file",
    description:
      "Creates a file in a folder; the body is its content, and `modifiedAt` says when that was last changed where it comes from. If the name is taken, the file is refused, gets a number with `ifTaken=number`, as in `photo (2).jpg`, or is the next revision of the file that has the name with `ifTaken=replace`. The answer comes once the content outlives a crash of the machine.",
    input: CreateFile,
    upload: uploadOf(drive),
    handle: drive.createFile,
    success: 201,
    output: NodeView,
    present: toNode,
    location: ({ id }) => `/drive/nodes/${id}`,
    version: revision,
    tagKind,
    refusals: { ...placed, ...kept, "file-too-large": 422 },
  }),
  put("/drive/nodes/:nodeId/content", {
    access: "signed-in",
    id: "reviseFile",
    summary: "Replace the content of a file",
    description:
      'The body is the new content. `If-Match` is the revision that it is based on, as in `"r3"`, which is the ETag of the content: if the file has been changed since, the change is refused. ' +
      "With `ifStale=copy` the content is kept beside it instead, as `name (conflicted copy …)`, and the answer is that file. Content that is equal to the current one changes nothing, whatever it is based on.",
    input: ReviseFile,
    upload: uploadOf(drive),
    handle: drive.reviseFile,
    success: 200,
    output: NodeView,
    present: toNode,
    version: revision,
    tagKind,
    refusals: { ...written, ...kept, "file-too-large": 422 },
  }),
  post("/drive/nodes/:nodeId/revisions/:revision/restoration", {
    access: "signed-in",
    id: "restoreRevision",
    summary: "Restore an older content of a file",
    description:
      "Makes the content of an older revision the newest one, as a new revision. `If-Match` names the newest revision.",
    input: RestoreRevision,
    handle: drive.restoreRevision,
    success: 200,
    output: NodeView,
    present: toNode,
    version: revision,
    tagKind,
    refusals: { ...written, "revision-not-found": 404 },
  }),
];

const batching = (drive: Drive): readonly Route[] => [
  post("/drive/nodes/:nodeId/batch", {
    access: "signed-in",
    id: "createFiles",
    summary: "Create many files",
    description:
      "The body is a tar archive of at most 1000 files and folders and 64 MiB, which come to lie in a folder; folders on the way are made. What can be created is created in one transaction. Each entry has its own result: " +
      "`created`, `unchanged` where the same is there already, or `refused` with a `code`.",
    input: CreateFiles,
    upload: {
      ...uploadOf(drive),
      mediaTypes: ["application/x-tar"],
      maxBytes: maxArchiveBytes,
      read: uploadedArchive,
    },
    handle: drive.createFiles,
    success: 200,
    output: EntriesView,
    present: (results) => ({ items: results.map(toEntry) }),
    refusals: {
      "node-not-found": 404,
      "not-a-folder": 409,
      "node-in-trash": 409,
      "too-many-entries": 422,
      "archive-invalid": 422,
      ...kept,
      forbidden: 403,
      conflict: 409,
    },
  }),
];

const reading = (drive: Drive): readonly Route[] => [
  get("/drive/nodes/:nodeId/revisions", {
    access: "signed-in",
    id: "listRevisions",
    summary: "List the revisions of a file",
    description: "What a file has held, the newest first.",
    input: ListRevisions,
    handle: drive.listRevisions,
    success: 200,
    output: RevisionsView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toRevision) }),
    refusals: { "node-not-found": 404, "not-a-file": 409, forbidden: 403 },
  }),
  get("/drive/nodes/:nodeId/content", {
    access: "signed-in",
    id: "readFile",
    summary: "Download a file",
    description:
      "The content of a file, or that of an older `revision`. Its `ETag` is the revision. `Range` asks for a part, and `If-Range` for a part of this revision only.",
    input: ReadFile,
    handle: drive.readFile,
    success: 200,
    ...sent,
    refusals: {
      "node-not-found": 404,
      "not-a-file": 409,
      "revision-not-found": 404,
      forbidden: 403,
    },
  }),
];

/** How a small picture is sent. */
export const sentPicture = {
  download: {
    sizeOf: ({ picture }: SmallPicture) => picture.length,
    fileName: ({ file }: SmallPicture) => `${file.name}.webp`,
    async *bytes({ picture }: SmallPicture) {
      yield picture;
    },
    isMade: true,
    mediaType: "image/webp",
  },
  version: ({ file }: SmallPicture) => revision(file),
  tagKind,
} as const;

const picturing = (drive: Drive): Route =>
  get("/drive/nodes/:nodeId/thumbnail", {
    access: "signed-in",
    id: "readThumbnail",
    summary: "Download a small picture of a file",
    description:
      "A WebP of a JPEG, PNG, WebP, GIF or AVIF of at most 32 MiB and 50 megapixels. It is upright, has none of the file's metadata, and is never larger than the picture. Its `ETag` is the revision. `NO_THUMBNAIL` says by its `reason` why there is none; `TOO_BUSY` that the server makes many. Requires `nodes:read`.",
    input: ReadThumbnail,
    handle: (input, context, ending) =>
      drive.readThumbnail({ ...input, ending: ending() }, context),
    success: 200,
    ...sentPicture,
    refusals: {
      "node-not-found": 404,
      "not-a-file": 409,
      "revision-not-found": 404,
      "no-thumbnail": 422,
      "too-busy": 429,
      forbidden: 403,
    },
  });

const packing = (drive: Drive): Route =>
  get("/drive/nodes/:nodeId/archive", {
    access: "signed-in",
    id: "readArchive",
    summary: "Download a folder",
    description:
      "A folder with all that lies below it, at most 20000 files and folders, as a ZIP archive without compression, which is packed as it is sent.",
    input: ReadArchive,
    handle: drive.readArchive,
    success: 200,
    download: zipOf,
    refusals: {
      "node-not-found": 404,
      "not-a-folder": 409,
      "too-many-nodes": 422,
      "paths-too-long": 422,
      forbidden: 403,
    },
  });

export const contentRoutes = (drive: Drive): readonly Route[] => [
  ...writing(drive),
  ...batching(drive),
  ...reading(drive),
  picturing(drive),
  packing(drive),
];
