import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { ChunkLost, type Location } from "../application/ports/chunks.ts";
import { chunkStoreContract } from "../testing/chunk-store.contract.ts";
import { localSubject } from "../testing/on-postgres.ts";
import { systemClock as clock } from "#platform/system.ts";
import { LocalSegments } from "./local-segments.ts";

chunkStoreContract("local segments", localSubject);

describe("local segments", () => {
  test("begins another segment when one is full, and reads those of other processes", async () => {
    await using opened = await localSubject();
    const { store, folder } = opened;
    const chunks = Array.from({ length: 5 }, () => randomBytes(600_000));
    const kept: Location[] = [];
    for (const bytes of chunks) kept.push(...(await store.put([bytes])));
    await store.flush(kept);
    assert.equal(new Set(kept.map(({ segment }) => segment)).size, 3);
    assert.equal(readdirSync(folder).length, 3);

    const options = { folder, segmentBytes: 1, newName: () => "another", clock };
    await using other = new LocalSegments(options);
    for (const [i, location] of kept.entries())
      assert.ok(chunks[i]?.equals(await other.read(location)));
    const [own] = await other.put([Buffer.from("x")]);
    assert.equal(own?.segment, "another", "no process appends to the segment of another one");
  });

  test("takes files and folders of other names for no segments", async () => {
    await using opened = await localSubject();
    const { store, folder } = opened;
    const [kept] = await store.put([Buffer.from("x")]);
    mkdirSync(path.join(folder, "lost+found"));
    mkdirSync(path.join(folder, "other"));
    writeFileSync(path.join(folder, ".nfs0001"), "y");
    const found = await store.segments();
    assert.deepEqual(
      found.map(({ name }) => name),
      [kept?.segment],
    );
  });

  test("reads more segments at once than it keeps open", async () => {
    await using opened = await localSubject();
    const { folder } = opened;
    let made = 0;
    const options = { folder, segmentBytes: 1, newName: () => `s${(made += 1)}`, clock };
    await using many = new LocalSegments(options);
    const kept: Location[] = [];
    for (let i = 0; i < 80; i += 1) kept.push(...(await many.put([Buffer.from(`${i}`)])));
    for (let round = 0; round < 2; round += 1) {
      const read = await Promise.all(kept.map(many.read));
      assert.deepEqual(
        read.map(String),
        kept.map((_, i) => `${i}`),
      );
    }
  });

  test("flushes the bytes of every caller when many flush at once", async () => {
    await using opened = await localSubject();
    const { store } = opened;
    const all = Array.from({ length: 200 }, async (_, i) => {
      for (let n = 0; n < i % 7; n += 1) await Promise.resolve();
      const locations = await store.put([Buffer.from(`${i}`)]);
      for (let n = 0; n < i % 5; n += 1) await Promise.resolve();
      await store.flush(locations);
    });
    await Promise.all(all);
  });

  test("refuses to read behind the end of a truncated segment", async () => {
    await using opened = await localSubject();
    const { store, folder } = opened;
    const kept = await store.put([randomBytes(1_000), randomBytes(1_000)]);
    await store.flush(kept);
    truncateSync(path.join(folder, kept[0]?.segment ?? ""), 1_500);
    assert.equal((await store.read(kept[0] as Location)).length, 1_000);
    await assert.rejects(store.read(kept[1] as Location), /ends before 2000/);
  });

  test("fails a put when no segment can be created, and tries again with the next", async () => {
    await using opened = await localSubject();
    const { store, folder } = opened;
    const missing = {
      folder: path.join(folder, "file/below"),
      segmentBytes: 1,
      newName: () => "s",
      clock,
    };
    const [blocked] = await store.put([Buffer.from("x")]);
    assert.ok(blocked);
    const taken = new LocalSegments({ ...missing, folder: path.join(folder, blocked.segment) });
    await assert.rejects(taken.put([Buffer.from("x")]), /EEXIST|ENOTDIR/);
    await using later = new LocalSegments(missing);
    const [kept] = await later.put([Buffer.from("y")]);
    await later.flush(kept ? [kept] : []);
  });

  test("never leaves its folder, whatever a segment is called", async () => {
    await using opened = await localSubject();
    const place = { segment: "../../../../../../etc/passwd", offset: 0, size: 1 };
    await assert.rejects(opened.store.read(place), ChunkLost);
  });
});
