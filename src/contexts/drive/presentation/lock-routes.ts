import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { ListLocks, PlaceLock, ReleaseLock, RenewLock } from "../application/locks/locks.ts";
import type { Drive } from "../index.ts";
import { LocksView, LockView, toLock } from "./views.ts";

const refusals = { "lock-not-found": 404, forbidden: 403, conflict: 409 } as const;

export const lockRoutes = (drive: Drive): readonly Route[] => [
  post("/drive/nodes/:nodeId/locks", {
    access: "signed-in",
    id: "placeLock",
    summary: "Lock a file or a folder",
    description:
      "Says to others that the caller works on it, with all that lies below a folder (unless `coversBelow` is false), for `seconds`: half an hour, unless it is said. " +
      "The lock is advisory: it keeps others from locks that do not go with it (`exclusive`, unless `scope` is `shared`), and from nothing else. Neither the version nor the ETag of the file changes.",
    input: PlaceLock,
    handle: drive.placeLock,
    success: 201,
    output: LockView,
    present: toLock,
    location: ({ id }) => `/drive/locks/${id}`,
    refusals: {
      "node-not-found": 404,
      "node-in-trash": 409,
      "node-locked": 423,
      "too-many-locks": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  get("/drive/nodes/:nodeId/locks", {
    access: "signed-in",
    id: "listLocks",
    summary: "List the locks that cover a file or a folder",
    description: "Those on it and on folders above it, and with `below` those on what lies below.",
    input: ListLocks,
    handle: drive.listLocks,
    success: 200,
    output: LocksView,
    present: (locks) => ({ items: locks.map(toLock) }),
    refusals: { "node-not-found": 404, forbidden: 403 },
  }),
  patch("/drive/locks/:lockId", {
    access: "signed-in",
    id: "renewLock",
    summary: "Renew a lock",
    description: "Lets a lock of the caller hold for `seconds` from now on.",
    input: RenewLock,
    handle: drive.renewLock,
    success: 200,
    output: LockView,
    present: toLock,
    refusals,
  }),
  del("/drive/locks/:lockId", {
    access: "signed-in",
    id: "releaseLock",
    summary: "Release a lock",
    description: "The holder releases it, or the owner of the space.",
    input: ReleaseLock,
    handle: drive.releaseLock,
    success: 204,
    refusals,
  }),
];
