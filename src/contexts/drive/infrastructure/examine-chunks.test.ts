import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { openDrive } from "../testing/fixtures.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { sha256Digests as digests } from "./digests.ts";
import { verifyChunks } from "../application/collection/verify-chunks.ts";
import { examineChunks } from "./examine-chunks.ts";

test("names damaged and missing chunks, and the files that have them", async () => {
  let opened: Awaited<ReturnType<typeof postgresSubject>> | undefined;
  await using house = await openDrive(async (clock) => (opened = await postgresSubject(clock)));
  assert.ok(opened);
  const { database, chunks, sql } = opened;
  const progress: (readonly [number, number])[] = [];
  const verify = (more: object = {}) =>
    verifyChunks(
      {
        ...house.subject,
        ...more,
        digests,
        clock: house.clock,
        onProgress: (done, total) => void progress.push([done, total]),
      },
      house.as("system"),
    );
  const bytes = [randomBytes(1_000), randomBytes(2_000), randomBytes(3_000)] as const;
  const files: string[] = [];
  for (const [i, content] of bytes.entries())
    files.push(expect(await house.file(house.rootId, `file ${i}`, content)).id);
  assert.deepEqual(await verify(), { chunks: 3, bytes: 6_000, damaged: [], files: [] });
  assert.deepEqual(progress.at(-1), [3, 3]);
  assert.equal((await examineChunks(database)).ok, true);
  const away = async () => Promise.reject(new Unavailable("the store is away", {}));
  const store = { ...house.subject.store, read: away };
  await assert.rejects(verify({ store }), Unavailable);
  assert.equal((await examineChunks(database)).ok, true, "it says nothing about the chunks");

  const [place] = await sql("select segment, place from drive.chunks where size = 2000");
  const segment = path.join(chunks.folder, String(place?.["segment"]));
  const whole = readFileSync(segment);
  const changed = Buffer.from(whole);
  changed[Number(place?.["place"]) + 5] = (changed[Number(place?.["place"]) + 5] ?? 0) ^ 1;
  writeFileSync(segment, changed);
  await sql("delete from drive.chunks where size = 3000");
  const verdict = await verify();
  assert.deepEqual(
    verdict.damaged.map(({ why }) => why),
    ["its bytes have changed", "it is kept nowhere"],
  );
  assert.deepEqual(
    verdict.files.toSorted(),
    files
      .slice(1)
      .map((id) => `${id} revision 1`)
      .toSorted(),
  );
  assert.match((await examineChunks(database)).says, /^1 were found damaged/);

  writeFileSync(segment, whole);
  assert.equal((await verify()).damaged.length, 1, "the segment is whole again");
  assert.equal((await examineChunks(database)).ok, true);

  writeFileSync(segment, changed);
  expect(await house.file(house.rootId, "the same", bytes[1]));
  expect(await house.file(house.rootId, "the other", bytes[2]));
  assert.deepEqual((await verify()).damaged, [], "what is sent again is repaired");
});
