import path from "node:path";
import type { Logger } from "pino";
import { expect, type Result } from "#kernel/result.ts";
import type { IdentityProvides } from "#contexts/identity";
import { WakeUp } from "#platform/events/wake-up.ts";
import type { Door } from "#platform/http/door.ts";
import type { Module, ModuleSettings, Wiring } from "#platform/process/module.ts";
import { blobLock } from "#platform/backup/contents.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { Profile } from "#platform/process/persistence.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { ChunkStore } from "./application/ports/chunks.ts";
import type { DriveScope } from "./application/ports/scope.ts";
import type { TooBusy } from "./application/places.ts";
import type { LinkPasswordHash } from "./domain/link.ts";
import type { Address } from "./domain/invitation.ts";
import { driveEvents } from "./domain/events.ts";
import { Permissions } from "./application/permission.ts";
import { grants } from "./grants.ts";
import { addDriveCommands } from "./commands.ts";
import { settings as known } from "./settings.ts";
import { createDrive, type Drive } from "./index.ts";
import { sha256Digests } from "./infrastructure/digests.ts";
import {
  examineBucket,
  examineSegments,
  openSegments,
  segmentFolder,
} from "./infrastructure/segments.ts";
import { sharpThumbnails } from "./infrastructure/sharp-thumbnails.ts";
import { sniff } from "./infrastructure/sniffed-types.ts";
import { signedLinks } from "./infrastructure/signed-links.ts";
import { postgresDrive } from "./infrastructure/postgres-drive.ts";
import { examineChunks } from "./infrastructure/examine-chunks.ts";
import { identityConsumers } from "./presentation/consumers.ts";
import { spaceWakeUps } from "./presentation/space-wake-ups.ts";
import { webDav } from "./presentation/dav/door.ts";
import { dropbox, type DropboxDeps } from "./presentation/dropbox/door.ts";
import { nextcloud } from "./presentation/nextcloud/doors.ts";
import { tus } from "./presentation/tus/door.ts";
import { driveRoutes } from "./presentation/routes.ts";

const schema = "drive";
const mebibyte = 2 ** 20;
const purgeEveryMs = 3_600_000;
/** A look for changes has so much time, as a request has. */
const lookMs = 10_000;
/** How often chunks that nothing refers to are collected, and how long that may take. */
const [collectEveryMs, collectWithinMs] = [6 * 3_600_000, 3 * 3_600_000];

type Settings = ModuleSettings<typeof known>;
type Needs = { readonly identity: IdentityProvides };

/** The adapters of the drive that differ between Postgres and memory. */
export type DriveAdapters<On extends Profile> = {
  readonly scope: (transaction: On["transaction"]) => DriveScope;
  readonly store: (
    settings: Settings,
    machine: {
      readonly newId: NewId;
      readonly clock: Clock;
      readonly metrics: Metrics;
      readonly log: Logger;
    },
  ) => Promise<ChunkStore & Partial<AsyncDisposable>>;
};

/** The address of the server, if it was told one. */
const publicUrlOf = ({ publicUrl, port }: Settings): string | undefined =>
  publicUrl === `http://localhost:${port}` ? undefined : publicUrl;

/** The ways in for clients of other protocols. */
function doorsOf(
  { drive, clock, ...links }: Pick<DropboxDeps, "drive" | "clock" | "linkTokens" | "toldOf">,
  { settings, secrets, timers }: Pick<Parts<Settings, Profile>, "settings" | "secrets" | "timers">,
  { addresses: { verifiedOf: addressOf }, devices }: IdentityProvides,
): readonly Door[] {
  const publicUrl = publicUrlOf(settings);
  return [
    webDav(drive, clock, timers),
    tus(drive, clock),
    ...dropbox({ drive, clock, ...links, secrets, publicUrl, addressOf }),
    ...nextcloud({ drive, clock, timers, addressOf, devices, publicUrl }),
  ];
}

/** What the drive does by itself, in one process at a time. */
function addJobs({ jobs }: Pick<Parts<Settings, Profile>, "jobs">, drive: Drive): void {
  jobs.add({
    name: "drive.purge-expired",
    everyMs: purgeEveryMs,
    withinMs: collectWithinMs,
    work: async (context, stopping) => expect(await drive.purgeExpired({ stopping }, context)),
  });
  jobs.add({
    name: "drive.prune-past",
    everyMs: purgeEveryMs,
    withinMs: collectWithinMs,
    work: async (context, stopping) => {
      expect(await drive.prunePast({ stopping }, context));
    },
  });
  jobs.add({
    name: "drive.sniff-contents",
    everyMs: purgeEveryMs,
    withinMs: collectWithinMs,
    work: async (context, stopping) => {
      expect(await drive.sniffContents({ stopping }, context));
    },
  });
  jobs.add({
    name: "drive.collect-chunks",
    everyMs: collectEveryMs,
    withinMs: collectWithinMs,
    work: async (context, stopping) => {
      expect(await drive.collectChunks({ stopping }, context));
    },
  });
}

async function compose<On extends Profile>(
  { scope, store: openStore }: DriveAdapters<On>,
  parts: Parts<Settings, On>,
  { identity }: Needs,
  undo: AsyncDisposableStack,
) {
  const { persistence, metrics, clock, timers, newId, settings } = parts;
  const working = { schema, scope, onAppended: announcer(parts, schema) };
  const store = await openStore(settings, { newId, clock, metrics, log: parts.log });
  undo.defer(async () => store[Symbol.asyncDispose]?.());
  const linkTokens = signedLinks(parts.secrets);
  const drive = createDrive({
    ...persistence.units(working),
    audit: persistence.audit,
    mayAct: identity.mayAct,
    store,
    removalLock: blobLock,
    digests: sha256Digests,
    sniff,
    thumbnailer: sharpThumbnails,
    addresses: {
      canonical: (typed) => identity.addresses.canonical(typed) as Address | undefined,
      verifiedOf: async (userId) =>
        (await identity.addresses.verifiedOf(userId)) as Address | undefined,
    },
    linkPasswords: {
      hash: async (password) =>
        (await identity.slowHashes.hash(password)) as Result<LinkPasswordHash, TooBusy>,
      matches: identity.slowHashes.matches,
    },
    linkTokens,
    trashDays: settings.trashDays,
    revisionDays: settings.revisionDays,
    quotaBytes: settings.quotaMebibytes === 0 ? undefined : settings.quotaMebibytes * mebibyte,
    clock,
    newId,
    metrics,
  });
  if (settings.consumers) {
    const reading = { ...working, schema: "identity", into: schema, consumers: identityConsumers };
    consume(parts, reading);
    addJobs(parts, drive);
  }
  const wakeUp = parts.wakeUps.get(schema) ?? new WakeUp(timers);
  const toldOf = spaceWakeUps(drive, { wakeUp, timers }, () => ({
    actor: "system",
    correlationId: "drive.changed-spaces",
    deadlineMs: clock.unixMs() + lookMs,
  }));
  return {
    routes: driveRoutes(drive, toldOf, linkTokens),
    doors: doorsOf({ drive, clock, linkTokens, toldOf }, parts, identity),
    provides: {},
  };
}

/** The drive, wired with these adapters. */
export const driveWith = <On extends Profile>(
  adapters: DriveAdapters<On>,
): Wiring<On, typeof known, object, Needs> => ({
  name: schema,
  events: driveEvents,
  isEventStore: false,
  settings: known,
  needs: ["identity"],
  permissions: Permissions,
  grants,
  compose: (parts, needs, undo) => compose(adapters, parts, needs, undo),
});

/** The drive as a module. Its chunks lie in the data folder. */
export const drive: Module<typeof known, object, Needs> = {
  ...driveWith({
    scope: postgresDrive,
    store: openSegments,
  }),
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  readModels: [],
  blobFolders: ({ s3Bucket }) => (s3Bucket === undefined ? [segmentFolder] : []),
  chores: () => [],
  examine: async (settings, database) => [
    ...(database ? [await examineChunks(database)] : []),
    ...(await examineBucket(settings)),
    ...(database ? await examineSegments(settings, database) : []),
  ],
  demoData: [],
  addCommands: (basalt, withDatabase) => addDriveCommands(basalt, withDatabase),
};
