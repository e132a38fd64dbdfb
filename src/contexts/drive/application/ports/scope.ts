import type { Changes } from "./changes.ts";
import type { ChunkIndex } from "./chunks.ts";
import type { Invitations } from "./invitations.ts";
import type { Links } from "./links.ts";
import type { Locks } from "./locks.ts";
import type { Nodes } from "./nodes.ts";
import type { PersonalData } from "./personal-data.ts";
import type { Properties } from "./properties.ts";
import type { Retention } from "./retention.ts";
import type { Revisions } from "./revisions.ts";
import type { RollUps } from "./roll-ups.ts";
import type { Spaces } from "./spaces.ts";
import type { Stagings } from "./stagings.ts";
import type { Thumbnails } from "./thumbnails.ts";
import type { TimeMachine } from "./time-machine.ts";
import type { Uploads } from "./uploads.ts";
import type { Usage } from "./usage.ts";

/** All repositories of the drive, bound to one transaction. */
export type DriveScope = {
  readonly spaces: Spaces;
  readonly invitations: Invitations;
  readonly nodes: Nodes;
  readonly revisions: Revisions;
  readonly rollUps: RollUps;
  readonly chunks: ChunkIndex;
  readonly uploads: Uploads;
  readonly stagings: Stagings;
  readonly usage: Usage;
  readonly thumbnails: Thumbnails;
  readonly links: Links;
  readonly locks: Locks;
  readonly properties: Properties;
  readonly timeMachine: TimeMachine;
  readonly retention: Retention;
  readonly changes: Changes;
  readonly personalData: PersonalData;
};
