import { redactIn } from "#platform/events/redact.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { PersonalData } from "../application/ports/personal-data.ts";
import { erasedName } from "../domain/node-name.ts";

/** Nodes that are being made in these spaces are there before, or stay away. */
const spacesOf = statement<{ readonly id: string }>(
  "drive.lock-spaces-of-owner",
  "select id from drive.spaces where owner_id = $1 order by id for update",
);
const nodesOf = statement<{ readonly id: string }>(
  "drive.nodes-of-spaces",
  "select id from drive.nodes where space_id = any($1::text[])",
);
const redact = redactIn("drive");
const erasures = [
  mutation(
    "drive.erase-manifests",
    "manifests",
    "delete from drive.manifests where node_id = any($1::text[])",
  ),
  mutation(
    "drive.erase-revisions",
    "revisions",
    "delete from drive.revisions where node_id = any($1::text[])",
  ),
  mutation("drive.erase-nodes", "nodes", "delete from drive.nodes where id = any($1::text[])"),
  mutation("drive.erase-spaces", "spaces", "delete from drive.spaces where id = any($1::text[])"),
] as const;

export const postgresPersonalData = ({ read, write }: Transaction): PersonalData => ({
  async erase(ownerId) {
    const spaces = (await read(spacesOf, [ownerId])).map(({ id }) => id);
    const nodes = (await read(nodesOf, [spaces])).map(({ id }) => id);
    for (const erasure of erasures) write(erasure, [[...nodes, ...spaces]]);
    write(redact, [[...nodes, ...spaces], JSON.stringify({ name: erasedName })]);
  },
});
