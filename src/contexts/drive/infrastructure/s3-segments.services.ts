import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { graceMs } from "../application/collection/collect-chunks.ts";
import { ChunkLost, type ChunkStore } from "../application/ports/chunks.ts";
import { chunkStoreContract } from "../testing/chunk-store.contract.ts";
import { collectionContract } from "../testing/collection.contract.ts";
import { contentContract } from "../testing/content.contract.ts";
import { openDrive, type OpenDrive } from "../testing/fixtures.ts";
import { postgresWith } from "../testing/on-postgres.ts";
import { s3Subject, type Fault } from "../testing/on-s3.ts";
import { askBucket, hasSegment } from "./s3-segments.ts";
import { uploadsContract } from "../testing/uploads.contract.ts";

const mebibyte = 2 ** 20;
const onS3: OpenDrive = (clock) => postgresWith(() => s3Subject({ segmentBytes: mebibyte }), clock);

chunkStoreContract("S3", s3Subject);
collectionContract("Postgres and S3", onS3);
contentContract("Postgres and S3", onS3);
uploadsContract("Postgres and S3", onS3);

/** Keeps one chunk. */
async function kept(store: ChunkStore, bytes: Uint8Array) {
  const [location] = await store.put([bytes]);
  assert.ok(location);
  await store.flush([location]);
  return location;
}

const isUnavailable = (error: unknown) =>
  error instanceof Unavailable && !(error instanceof ChunkLost);

describe("segments in a bucket", () => {
  test("pack chunks that come while others are sent, and list them page by page", async () => {
    await using opened = await s3Subject({ segmentBytes: 100_000, listed: 2 });
    const { store, open } = opened;
    const chunks = Array.from({ length: 60 }, () => randomBytes(10_000));
    const locations = await Promise.all(chunks.map((bytes) => kept(store, bytes)));
    const segments = await store.segments();
    assert.equal(
      segments.reduce((sum, { bytes }) => sum + bytes, 0),
      600_000,
    );
    assert.ok(segments.length < 20, `${segments.length} objects`);
    assert.ok(segments.length > 5, "the page of a listing has two");

    await using other = await open();
    for (const [i, location] of locations.entries())
      assert.ok(chunks[i]?.equals(await other.read(location)));
    for (const { name } of segments) await store.remove(name);
    await store.remove(segments[0]?.name ?? "");
    assert.deepEqual(await store.segments(), []);
  });

  test("read chunks that lie across the blocks of a large segment", async () => {
    await using opened = await s3Subject();
    const { store } = opened;
    const chunks = Array.from({ length: 30 }, () => randomBytes(200_000));
    const locations = await store.put(chunks);
    await store.flush(locations);
    assert.equal(new Set(locations.map(({ segment }) => segment)).size, 1);
    for (const [i, location] of locations.entries())
      assert.ok(chunks[i]?.equals(await store.read(location)));
  });

  test("are read in many places at once", async () => {
    await using opened = await s3Subject();
    const { store, open } = opened;
    const chunks = Array.from({ length: 45 }, () => randomBytes(mebibyte));
    const locations = await store.put(chunks);
    await store.flush(locations);
    await using other = await open();
    const read = await Promise.all(locations.map(other.read));
    for (const [i, bytes] of read.entries()) assert.ok(chunks[i]?.equals(bytes));
  });

  test("leave objects of others alone", async () => {
    await using opened = await s3Subject();
    const { store, s3, reached } = opened;
    for (const Key of ["other", "drive/segments/a/b", "drive/segments.bak/c"])
      await s3.putObject({ Bucket: reached.bucket, Key, Body: "x" });
    assert.deepEqual(await store.segments(), []);
  });
});

describe("segments in a bucket that fails", () => {
  const faults = ["busy", "cut", "shortened", "never answered", "of something else"] as const;
  for (const fault of faults satisfies readonly Fault[])
    test(`outlive answers that are ${fault}`, async () => {
      await using opened = await s3Subject({ attemptMs: 500 });
      const { store, way, open } = opened;
      const faulty = (times: number) => {
        let left = times;
        way.fault = () => ((left -= 1) >= 0 ? fault : undefined);
      };
      const bytes = randomBytes(100_000);
      faulty(2);
      const location = await kept(store, bytes);
      await using other = await open();
      faulty(2);
      assert.ok(bytes.equals(await other.read(location)));
      faulty(2);
      assert.equal((await other.segments()).length, 1);
    });
});

describe("segments that were not sent", () => {
  test("are lost where the process stops before they are sent, and say so", async () => {
    await using opened = await s3Subject();
    const store = await opened.open();
    const locations = await store.put([randomBytes(1_000)]);
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.flush(locations), isUnavailable);
    await assert.rejects(store.put([randomBytes(1)]), isUnavailable);
    assert.deepEqual(await opened.store.segments(), []);
  });

  test("keep no bytes of what could not be sent", async () => {
    await using opened = await s3Subject();
    const { store, way } = opened;
    way.fault = () => "busy";
    const locations = await store.put([randomBytes(1_000)]);
    const told = await store.flush(locations).catch((error: unknown) => error);
    assert.ok(told instanceof Unavailable);
    assert.ok(told.cause instanceof Error);
    assert.match(told.cause.message, /SlowDown/);
    assert.equal(told.cause.cause, undefined, "the error of the library has all bytes");
  });

  test("say nothing about chunks while the bucket is away, and refuse what could not be sent", async () => {
    await using opened = await s3Subject();
    const { store, way, open } = opened;
    const location = await kept(store, randomBytes(1_000));
    way.fault = () => "busy";
    await using other = await open();
    await assert.rejects(other.read(location), isUnavailable);
    const [unsent] = await other.put([randomBytes(1_000)]);
    assert.ok(unsent);
    await assert.rejects(other.flush([unsent]), isUnavailable);
    way.fault = () => undefined;
    await assert.rejects(other.flush([unsent]), isUnavailable, "what was lost stays lost");
  });

  test("take a missing bucket and refused keys for no lost chunks", async () => {
    await using opened = await s3Subject();
    const { store, open, reached } = opened;
    const location = await kept(store, randomBytes(1_000));
    const none = { bucket: `${reached.bucket}-none` };
    const wrong = { keys: { ...reached.keys, secretAccessKey: "wrong" } };
    for (const [how, says] of [
      [none, /NoSuchBucket/],
      [wrong, /SignatureDoesNotMatch/],
    ] as const) {
      await using elsewhere = await open(how);
      await assert.rejects(elsewhere.read(location), isUnavailable);
      await assert.rejects(askBucket({ ...reached, ...how }), says);
    }
    await askBucket(reached);
    assert.equal(await hasSegment(reached, location.segment), true);
    assert.equal(await hasSegment(reached, "segment_none"), false);
  });
});

describe("the collection of small segments", () => {
  test("puts them together once they are a day old", async () => {
    await using house = await openDrive(onS3);
    const { drive, as, clock, subject, rootId } = house;
    const contents = Array.from({ length: 6 }, () => randomBytes(20_000));
    const files = [];
    for (const [i, bytes] of contents.entries())
      files.push(expect(await house.file(rootId, `${i}`, bytes)).id);
    assert.equal((await subject.store.segments()).length, 6);
    for (const [moved, segments] of [
      [6, 0],
      [0, 6],
    ]) {
      clock.advance(graceMs + 3_600_000);
      const collected = expect(await drive.collectChunks({}, as("system")));
      assert.deepEqual(collected, { chunks: 0, segments, moved });
    }
    assert.equal((await subject.store.segments()).length, 1);
    for (const [i, id] of files.entries()) assert.ok(contents[i]?.equals(await house.bytesOf(id)));
  });
});
