import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { until } from "#test/until.ts";
import type { Mark } from "../application/ports/changes.ts";
import { ListChanges } from "../application/changes/list-changes.ts";
import { changesContract } from "../testing/changes.contract.ts";
import { collectionContract } from "../testing/collection.contract.ts";
import { contentContract } from "../testing/content.contract.ts";
import { openDrive, outcomeOf, read } from "../testing/fixtures.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { linksContract } from "../testing/links.contract.ts";
import { timeMachineContract } from "../testing/time-machine.contract.ts";
import { batchContract } from "../testing/batch.contract.ts";
import { mediaTypesContract } from "../testing/media-types.contract.ts";
import { copiesContract } from "../testing/copies.contract.ts";
import { locksContract } from "../testing/locks.contract.ts";
import { thumbnailsContract } from "../testing/thumbnails.contract.ts";
import { pathsContract } from "../testing/paths.contract.ts";
import { propertiesContract } from "../testing/properties.contract.ts";
import { repeatsContract } from "../testing/repeats.contract.ts";
import { quotaContract } from "../testing/quota.contract.ts";
import { retentionContract } from "../testing/retention.contract.ts";
import { searchContract } from "../testing/search.contract.ts";
import { membersContract } from "../testing/members.contract.ts";
import { treeContract } from "../testing/tree.contract.ts";
import { pathChangesContract } from "../testing/path-changes.contract.ts";
import { rollUpsContract } from "../testing/roll-ups.contract.ts";
import { stagingsContract } from "../testing/stagings.contract.ts";
import { uploadsContract } from "../testing/uploads.contract.ts";

linksContract("Postgres", postgresSubject);
treeContract("Postgres", postgresSubject);
batchContract("Postgres", postgresSubject);
mediaTypesContract("Postgres", postgresSubject);
copiesContract("Postgres", postgresSubject);
locksContract("Postgres", postgresSubject);
pathsContract("Postgres", postgresSubject);
propertiesContract("Postgres", postgresSubject);
repeatsContract("Postgres", postgresSubject);
thumbnailsContract("Postgres", postgresSubject);
quotaContract("Postgres", postgresSubject);
retentionContract("Postgres", postgresSubject);
searchContract("Postgres", postgresSubject);
membersContract("Postgres", postgresSubject);
timeMachineContract("Postgres", postgresSubject, 10);
changesContract("Postgres", postgresSubject);
collectionContract("Postgres and local segments", postgresSubject);
contentContract("Postgres and local segments", postgresSubject);
pathChangesContract("Postgres and local segments", postgresSubject);
rollUpsContract("Postgres and local segments", postgresSubject);
stagingsContract("Postgres and local segments", postgresSubject);
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

test("while a writer holds positions, no cursor goes back, and waiting clients are told no change twice", async () => {
  let opened: Awaited<ReturnType<typeof postgresSubject>> | undefined;
  await using house = await openDrive(async (clock) => (opened = await postgresSubject(clock)));
  const list = (more: object = {}) =>
    house.drive.listChanges(
      read(ListChanges, { spaceId: house.space.id, ...more }),
      house.as(house.adaId),
    );
  // Events draw positions in blocks of 64, and whoever writes holds the one that it began in.
  for (let n = 0; n < 70; n += 1) await house.made(house.rootId, `folder ${n}`);
  const { nextCursor: cursor } = expect(await list());
  const changed = async (after: Mark | undefined) =>
    expect(await house.drive.changedSpaces({ after }, house.as("system")));
  const { last } = await changed(undefined);
  const writing = opened?.sql(
    `begin;
     insert into drive.events (stream, version, id, type, schema_version, payload, metadata, occurred_at)
     values ('open', 1, 'open', 'drive.open', 1, '{}', '{}', now());
     select pg_sleep(1);
     rollback`,
  );
  await until(async () => {
    const [row] =
      (await opened?.sql("select horizon < head as is_held from drive.horizon()")) ?? [];
    return row?.["is_held"] === true;
  });
  const page = expect(await list({ cursor }));
  assert.deepEqual([page.items, page.nextCursor], [[], cursor]);
  assert.deepEqual(await changed(last), { spaces: [], last });
  await writing;
});

test("an erased owner leaves no rows behind, whatever was being changed", async () => {
  let opened: Awaited<ReturnType<typeof postgresSubject>> | undefined;
  await using house = await openDrive(async (clock) => (opened = await postgresSubject(clock)));
  const { adaId, rootId, as, subject } = house;
  const ids: string[] = [];
  for (let n = 0; n < 12; n += 1)
    ids.push(expect(await house.file(rootId, `n${n}`, Buffer.from(`${n}`))).id);
  await Promise.all([
    ...ids.flatMap((id, n) => [
      house.revise(id, 1, Buffer.from(`more of ${n}`)),
      house.move(id, { name: `moved ${n}` }),
    ]),
    subject.unitOfWork(as("system"), async ({ personalData }) => {
      await personalData.erase(adaId);
      return { ok: true, value: undefined };
    }),
  ]);
  for (const table of ["nodes", "revisions", "manifests", "past_places", "spaces"])
    assert.deepEqual(
      await opened?.sql(`select count(*)::int as n from drive.${table}`),
      [{ n: 0 }],
      table,
    );
  const named = `select count(*)::int as n from drive.events where payload ->> 'name' <> 'erased'`;
  assert.deepEqual(await opened?.sql(named), [{ n: 0 }]);
});

test("a restoration holds what it restores: a file that is written again and again does not stop it", async () => {
  await using house = await openDrive(postgresSubject);
  const { rootId, clock } = house;
  const folder = await house.made(rootId, "folder");
  const file = expect(await house.file(folder, "file", Buffer.from("0"))).id;
  const at = clock.now();
  clock.advance(1_000);
  let revision = 1;
  for (let round = 0; round < 10; round += 1) {
    const writing = Array.from({ length: 5 }, (_, n) =>
      house.revise(file, revision, Buffer.from(`${round} ${n}`)),
    );
    const [rewound] = await Promise.all([house.rewind(folder, at), ...writing]);
    assert.equal(outcomeOf(rewound), "ok");
    clock.advance(1_000);
    const { items } = await house.revisions(file, { limit: 1 });
    revision = items[0]?.revision ?? 1;
  }
});

test("contents that an older release has kept are bytes of the time when they came", async () => {
  let opened: Awaited<ReturnType<typeof postgresSubject>> | undefined;
  await using house = await openDrive(async (clock) => (opened = await postgresSubject(clock)));
  const { rootId, clock } = house;
  const folder = await house.made(rootId, "folder");
  const file = expect(await house.file(folder, "a", Buffer.from("%PDF-1.7\n"))).id;
  const came = clock.now();
  clock.advance(1_000);
  expect(await house.revise(file, 1, Buffer.from("text")));
  for (const table of ["nodes", "revisions"])
    await opened?.sql(`update drive.${table} set media_type = null, modified_at = null`);
  const octets = "application/octet-stream";
  const { items } = await house.revisions(file);
  const facts = items.map(({ mediaType, modifiedAt }) => [mediaType, modifiedAt]);
  assert.deepEqual(facts, [
    [octets, clock.now()],
    [octets, came],
  ]);
  const [past] = expect(await house.past(folder, came)).items;
  assert.deepEqual([past?.content?.mediaType, past?.content?.modifiedAt], [octets, came]);
  const copy = expect(await house.copy(file, { name: "b" }));
  assert.ok(copy.kind === "file");
  assert.deepEqual([copy.content.mediaType, copy.content.modifiedAt], [octets, clock.now()]);
  const moved = expect(await house.move(file, { name: "c" }));
  assert.ok(moved.kind === "file" && moved.content.modifiedAt === clock.now());

  const { drive, as } = house;
  for (const table of ["nodes", "revisions"])
    await opened?.sql(`update drive.${table} set media_type = null`);
  expect(await house.file(rootId, "empty", Buffer.alloc(0)));
  await opened?.sql("update drive.revisions set media_type = null where size = 0");
  expect(await drive.sniffContents({}, as("system")));
  const known = (await house.revisions(file)).items.map(({ mediaType }) => mediaType);
  assert.deepEqual(known, ["text/plain", "application/pdf"], "a job looks at them");
  const { node } = expect(await house.seen(file));
  assert.ok(node.kind === "file" && node.content.mediaType === "text/plain");
  expect(await drive.sniffContents({}, as("system")));
});
