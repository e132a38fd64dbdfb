import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { PersonalData } from "../application/ports/personal-data.ts";
import { eraseLinks } from "./postgres-links.ts";
import { eraseStagings } from "./postgres-stagings.ts";
import { eraseUploads } from "./postgres-uploads.ts";
import { erasedName } from "../domain/node-name.ts";

const owned = "select id from drive.spaces where owner_id = $1";
const nodesOfOwner = `select id from drive.nodes where space_id in (${owned})`;
/**
 * In this order, each by a statement of its own: nodes that are being made in the spaces are there before, or are refused once the spaces
 * are held.
 */
const erasures = [
  ["hold", `select count(*) from (${owned} order by id for update) held`],
  // Whoever changes a node holds it: what is being changed has its revisions and past places before these are deleted.
  ["hold-nodes", `select count(*) from (${nodesOfOwner} order by id for update) held`],
  ["manifests", `delete from drive.manifests where node_id in (${nodesOfOwner})`],
  ["revisions", `delete from drive.revisions where node_id in (${nodesOfOwner})`],
  ["links", eraseLinks(nodesOfOwner)],
  ["locks", `delete from drive.locks where space_id in (${owned})`],
  ["locks-held", "delete from drive.locks where holder_id = $1"],
  ["properties", `delete from drive.properties where space_id in (${owned})`],
  ["past", `delete from drive.past_places where node_id in (${nodesOfOwner})`],
  ["nodes", `delete from drive.nodes where space_id in (${owned})`],
  [
    "names",
    `update drive.events set payload = jsonb_set(payload, '{name}', '"${erasedName}"')
      where payload ? 'name'
        and payload ->> 'spaceId' = any(array(select id collate "default" from drive.spaces where owner_id = $1))`,
  ],
  ["invitations", `delete from drive.invitations where space_id in (${owned})`],
  ["memberships", "update drive.spaces set members = members - $1 where members ? $1"],
  ["uploads", eraseUploads],
  ["stagings", eraseStagings],
  ["thumbnails", `delete from drive.thumbnails where space_id in (${owned})`],
  ["contents", `delete from drive.contents where space_id in (${owned})`],
  ["usage", "delete from drive.usage where owner_id = $1"],
  ["spaces", "delete from drive.spaces where owner_id = $1"],
].map(([name = "", text = ""]) => mutation(`drive.erase-${name}`, inTurn, text));

export const postgresPersonalData = ({ write }: Transaction): PersonalData => ({
  async erase(ownerId) {
    for (const erasure of erasures) write(erasure, [ownerId]);
  },
});
