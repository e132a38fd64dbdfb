import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import { postgresChanges } from "./postgres-changes.ts";
import { postgresChunks, postgresRevisions } from "./postgres-content.ts";
import { postgresInvitations } from "./postgres-invitations.ts";
import { postgresLinks } from "./postgres-links.ts";
import { postgresLocks } from "./postgres-locks.ts";
import { postgresNodes } from "./postgres-nodes.ts";
import { postgresPersonalData } from "./postgres-personal-data.ts";
import { postgresProperties } from "./postgres-properties.ts";
import { postgresRetention } from "./postgres-retention.ts";
import { postgresRollUps } from "./postgres-roll-ups.ts";
import { postgresSpaces } from "./postgres-spaces.ts";
import { postgresStagings } from "./postgres-stagings.ts";
import { postgresThumbnails } from "./postgres-thumbnails.ts";
import { postgresTimeMachine } from "./postgres-time-machine.ts";
import { postgresUploads } from "./postgres-uploads.ts";
import { postgresUsage } from "./postgres-usage.ts";

/** All repositories of the drive on one transaction. */
export const postgresDrive = (transaction: Transaction): DriveScope => ({
  spaces: postgresSpaces(transaction),
  invitations: postgresInvitations(transaction),
  nodes: postgresNodes(transaction),
  revisions: postgresRevisions(transaction),
  rollUps: postgresRollUps(transaction),
  chunks: postgresChunks(transaction),
  uploads: postgresUploads(transaction),
  stagings: postgresStagings(transaction),
  usage: postgresUsage(transaction),
  thumbnails: postgresThumbnails(transaction),
  links: postgresLinks(transaction),
  locks: postgresLocks(transaction),
  properties: postgresProperties(transaction),
  timeMachine: postgresTimeMachine(transaction),
  retention: postgresRetention(transaction),
  changes: postgresChanges(transaction),
  personalData: postgresPersonalData(transaction),
});
