import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { ListChanges } from "../application/changes/list-changes.ts";
import { changesContract } from "../testing/changes.contract.ts";
import { collectionContract } from "../testing/collection.contract.ts";
import { contentContract } from "../testing/content.contract.ts";
import { openDrive, outcomeOf, read } from "../testing/fixtures.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { linksContract } from "../testing/links.contract.ts";
import { timeMachineContract } from "../testing/time-machine.contract.ts";
import { batchContract } from "../testing/batch.contract.ts";
import { membersContract } from "../testing/members.contract.ts";
import { treeContract } from "../testing/tree.contract.ts";
import { uploadsContract } from "../testing/uploads.contract.ts";

linksContract("Postgres", postgresSubject);
treeContract("Postgres", postgresSubject);
batchContract("Postgres", postgresSubject);
membersContract("Postgres", postgresSubject);
timeMachineContract("Postgres", postgresSubject, 10);
changesContract("Postgres", postgresSubject);
collectionContract("Postgres and local segments", postgresSubject);
contentContract("Postgres and local segments", postgresSubject);
uploadsContract("Postgres and local segments", postgresSubject);

test("the first cursor of all is lost once events after it were pruned", async () => {
  let opened: Awaited<ReturnType<typeof postgresSubject>> | undefined;
  await using house = await openDrive(async (clock) => (opened = await postgresSubject(clock)));
  const list = (cursor?: string) =>
    house.drive.listChanges(
      read(ListChanges, { spaceId: house.space.id, ...(cursor === undefined ? {} : { cursor }) }),
      house.as(house.adaId),
    );
  assert.equal(expect(await list("0.")).items.length, 1);
  await opened?.sql("delete from drive.events");
  const { nextCursor } = expect(await list());
  assert.equal(nextCursor, "0.");
  assert.equal(expect(await list(nextCursor)).nextCursor, nextCursor, "there is nothing to tell");
  await house.made(house.rootId, "a");
  assert.equal(outcomeOf(await list(nextCursor)), "cursor-lost");
});
