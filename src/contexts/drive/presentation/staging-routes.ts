import { Count, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { described, list, named, optional, shape, type Infer } from "#kernel/shape.ts";
import { del, get, type Route } from "#platform/http/route.ts";
import { DiscardStaging, ListStagings } from "../application/stagings/stagings.ts";
import { StagingId } from "../domain/ids.ts";
import { maxOpenStagings, type Staging } from "../domain/staging.ts";
import type { Drive } from "../index.ts";

const StagingView = named(
  "Staging",
  shape({
    id: StagingId,
    name: optional(described("How its client calls it", text(1_000))),
    bytes: described("Those that have come", Count),
    length: optional(described("How many there will be, where its client has said so", Count)),
    createdAt: Instant,
    expiresAt: described("When it is given up", Instant),
  }),
);
const StagingsView = named("Stagings", shape({ items: list(StagingView, maxOpenStagings) }));

const toStaging = ({
  id,
  name,
  bytes,
  length,
  createdAt,
  expiresAt,
}: Staging): Infer<typeof StagingView> => ({
  id,
  ...(name === undefined ? {} : { name }),
  bytes,
  ...(length === undefined ? {} : { length }),
  createdAt,
  expiresAt,
});

/** Uploads that clients of tus, Nextcloud and Dropbox have begun. */
export const stagingRoutes = (drive: Drive): readonly Route[] => [
  get("/drive/stagings", {
    access: "signed-in",
    id: "listStagings",
    summary: "List unfinished uploads by foreign clients",
    description:
      "Contents that the caller's clients of tus, Nextcloud or Dropbox have begun to send and no file has yet, the first ones first. They go on, after any break, for seven days. One user has at most 1000, and their bytes are `stagedBytes` of `GET /drive/usage`.",
    input: ListStagings,
    handle: drive.listStagings,
    success: 200,
    output: StagingsView,
    present: (stagings) => ({ items: stagings.slice(0, maxOpenStagings).map(toStaging) }),
    refusals: { forbidden: 403 },
  }),
  del("/drive/stagings/:stagingId", {
    access: "signed-in",
    id: "discardStaging",
    summary: "Discard an unfinished upload",
    description:
      "Discards the upload. Its client is told that it does not exist, and must start again.",
    input: DiscardStaging,
    handle: drive.discardStaging,
    success: 204,
    refusals: { "staging-not-found": 404, forbidden: 403, conflict: 409 },
  }),
];
