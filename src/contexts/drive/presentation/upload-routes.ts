import type { Context } from "#kernel/context.ts";
import { del, get, post, put, type Route } from "#platform/http/route.ts";
import { ReadManifest, type ToldContent } from "../application/content/read-manifest.ts";
import { BeginFile, BeginRevision, maxPartsBytes } from "../application/uploads/begin-upload.ts";
import { ReceiveChunks } from "../application/uploads/receive-chunks.ts";
import { CommitUpload } from "../application/uploads/commit-upload.ts";
import { GetUpload } from "../application/uploads/upload-progress.ts";
import { chunkBytes } from "../domain/chunking.ts";
import { maxChunksAtOnce } from "../domain/upload.ts";
import type { Drive } from "../index.ts";
import { arrival, kept, revision, tagKind, written } from "./content-routes.ts";
import { placed } from "./node-routes.ts";
import { uploadedFile } from "./uploaded-file.ts";
import { partLines, uploadedParts } from "./uploaded-parts.ts";
import { NodeView, toNode, toUpload, UploadView } from "./views.ts";

const lines = "application/x-ndjson";
const partsOf = (drive: Drive) =>
  ({
    field: "parts",
    mediaTypes: [lines],
    maxBytes: maxPartsBytes,
    read: uploadedParts,
    mayBegin: (context: Context) => drive.mayUpload({}, context),
  }) as const;

const spelling =
  'The body tells the content by its parts, one JSON object in a line each: `{"hash":"…","size":65536}` is a chunk, and `{"from":0,"until":65536}` are bytes that';
const wanting =
  "The answer says which chunks the client has to send: all but those of contents that the caller may read, even where somebody else has them. An upload goes on, after any break, for seven days: begun again with the same chunks for the same file, it is the same one.";

const begun = {
  "node-not-found": 404,
  "parts-invalid": 422,
  "content-unknown": 422,
  "too-many-uploads": 409,
  ...kept,
  forbidden: 403,
  conflict: 409,
} as const;

const beginning = (drive: Drive): readonly Route[] => [
  post("/drive/nodes/:nodeId/uploads", {
    access: "signed-in",
    id: "beginFile",
    summary: "Begin the upload of a file",
    description:
      `Begins the upload of a file that is made in a folder once all chunks have come. ${spelling} the file \`source\` has. ` +
      `With an empty body, a file of the same space has the same content already, or CONTENT_UNKNOWN says that none has. ${wanting}`,
    input: BeginFile,
    upload: partsOf(drive),
    handle: drive.beginFile,
    success: 201,
    output: UploadView,
    present: toUpload,
    location: ({ upload }) => `/drive/uploads/${upload.id}`,
    refusals: { ...placed, ...begun, "not-a-file": 409 },
  }),
  post("/drive/nodes/:nodeId/content/uploads", {
    access: "signed-in",
    id: "beginRevision",
    summary: "Begin the upload of another content of a file",
    description: `Begins the upload of a content that replaces the current one once all chunks have come. \`If-Match\` is the revision that it is based on. ${spelling} that revision has. ${wanting}`,
    input: BeginRevision,
    upload: partsOf(drive),
    handle: drive.beginRevision,
    success: 201,
    output: UploadView,
    present: toUpload,
    location: ({ upload }) => `/drive/uploads/${upload.id}`,
    tagKind,
    refusals: { ...written, ...begun },
  }),
];

const unseen = { "upload-not-found": 404, forbidden: 403 } as const;

const goingOn = (drive: Drive): readonly Route[] => [
  get("/drive/uploads/:uploadId", {
    access: "signed-in",
    id: "getUpload",
    summary: "Get an upload",
    description:
      "Lists the chunks that an upload still needs, the next 4096 at most, so that a client can resume it.",
    input: GetUpload,
    handle: drive.getUpload,
    success: 200,
    output: UploadView,
    present: toUpload,
    refusals: unseen,
  }),
  put("/drive/uploads/:uploadId/chunks", {
    access: "signed-in",
    id: "receiveChunks",
    summary: "Send chunks of an upload",
    description:
      "The body has the bytes of the chunks at the positions `chunks`, as in `0-63,70`, one after the other. Those that have come whole before a connection breaks are kept. Chunks may be sent by several requests at once, and again.",
    input: ReceiveChunks,
    upload: {
      ...arrival,
      field: "content",
      maxBytes: maxChunksAtOnce * chunkBytes.most,
      read: uploadedFile,
      mayBegin: (context: Context) => drive.mayUpload({}, context),
    },
    handle: drive.receiveChunks,
    success: 204,
    refusals: {
      ...unseen,
      "chunk-mismatch": 422,
      "chunk-unwanted": 422,
      "too-many-chunks": 422,
    },
  }),
  post("/drive/uploads/:uploadId/commit", {
    access: "signed-in",
    id: "commitUpload",
    summary: "Complete an upload",
    description:
      "Creates the file, or gives it the new content, once all chunks have arrived and match the declared hash. A repeated call returns the same file. `ifStale`: `copy` keeps the content beside a file that has been changed since, as `name (conflicted copy …)`, and answers that file.",
    input: CommitUpload,
    handle: drive.commitUpload,
    success: 200,
    output: NodeView,
    present: toNode,
    version: revision,
    tagKind,
    refusals: {
      ...placed,
      ...written,
      ...unseen,
      ...kept,
      "chunks-missing": 409,
      "content-mismatch": 422,
      "too-busy": 429,
    },
  }),
  del("/drive/uploads/:uploadId", {
    access: "signed-in",
    id: "cancelUpload",
    summary: "Cancel an upload",
    input: GetUpload,
    handle: drive.cancelUpload,
    success: 204,
    refusals: { ...unseen, conflict: 409 },
  }),
];

const reading = (drive: Drive): readonly Route[] => [
  get("/drive/nodes/:nodeId/manifest", {
    access: "signed-in",
    id: "readManifest",
    summary: "Get the parts of a content",
    description:
      `The parts of a file, or of an older \`revision\`, one JSON object in a line each: \`{"hash":"…","size":65536}\` is a chunk, and \`{"from":0,"until":65536}\` are bytes that the revision \`base\` has. ` +
      "A client that has the base downloads the other bytes by one request with several ranges.",
    input: ReadManifest,
    handle: drive.readManifest,
    success: 200,
    stream: {
      mediaTypes: [lines],
      textOf: ({ parts }: ToldContent) => partLines(parts),
    },
    refusals: {
      "node-not-found": 404,
      "not-a-file": 409,
      "revision-not-found": 404,
      forbidden: 403,
    },
  }),
];

export const uploadRoutes = (drive: Drive): readonly Route[] => [
  ...beginning(drive),
  ...goingOn(drive),
  ...reading(drive),
];
