import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { ListLocks, PlaceLock, ReleaseLock, RenewLock } from "../application/locks/locks.ts";
import type { Drive } from "../index.ts";
import { LocksView, LockView, toLock } from "./lock-views.ts";

const refusals = { "lock-not-found": 404, forbidden: 403, conflict: 409 } as const;

export const lockRoutes = (drive: Drive): readonly Route[] => [
  post("/drive/nodes/:nodeId/locks", {
    access: "signed-in",
    id: "placeLock",
    summary: "Lock a file or a folder",
    description:
      "Tells others that the caller is working on this file or folder. The lock is advisory: nobody, its holder included, can place another one there, above it or below it unless both are `shared`, and it hinders nothing else over HTTP. Clients of WebDAV are kept out by it. " +
      "`NODE_LOCKED` names the lock that is in the way, its holder and its end. Neither the version nor the ETag of the file changes. Requires `nodes:update`.",
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
    description:
      "Lists the locks on it and on folders above that cover it, and with `below` those on what lies below. Requires `nodes:read`.",
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
