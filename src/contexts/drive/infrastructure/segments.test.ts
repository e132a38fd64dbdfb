import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { ConfigurationInvalid } from "#platform/config/load.ts";
import { systemRuntime } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { scratch } from "#test/basalt.ts";
import { until } from "#test/until.ts";
import { openDrive } from "../testing/fixtures.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { examineBucket, examineSegments, openSegments, segmentFolder } from "./segments.ts";

const usual = { dataFolder: "none", s3Region: "us-east-1" };
/** Nothing listens there. */
const away = { s3Bucket: "files", s3Url: "http://127.0.0.1:9", ...keysOf("id", "secret") };

function keysOf(s3AccessKeyId: string, s3SecretAccessKey: string) {
  return { s3AccessKeyId, s3SecretAccessKey };
}

function machine() {
  const told: string[] = [];
  const log = { error: (_: object, text: string) => void told.push(text) };
  return { told, ...systemRuntime, metrics: createMetrics(), log: log as never };
}

test("refuses half of the keys of a bucket, and settings of a bucket without one", async () => {
  for (const [settings, says] of [
    [{ s3Bucket: "files", s3AccessKeyId: "id" }, /are set both, or neither/],
    [{ s3Bucket: "files", s3SecretAccessKey: "secret" }, /are set both, or neither/],
    [{ s3Url: "http://127.0.0.1:9" }, /BASALT_S3_BUCKET is missing/],
    [keysOf("id", "secret"), /BASALT_S3_BUCKET is missing/],
  ] as const)
    await assert.rejects(openSegments({ ...usual, ...settings }, machine()), (error) => {
      assert.ok(error instanceof ConfigurationInvalid);
      assert.match(error.message, says);
      return true;
    });
  assert.deepEqual(await examineBucket(usual), []);
});

test("tells in the log, and the doctor, that a bucket does not answer", async () => {
  const { told, ...started } = machine();
  await using _store = await openSegments({ ...usual, ...away }, started);
  await until(() => told.length > 0);
  assert.match(told[0] ?? "", /the bucket files keeps nothing/);
  const [finding] = await examineBucket({ ...usual, ...away });
  assert.equal(finding?.ok, false);
  assert.match(finding?.says ?? "", /ECONNREFUSED/);
});

test("the doctor finds that the content of files is not where the settings say", async () => {
  await using folder = await scratch();
  let opened: Awaited<ReturnType<typeof postgresSubject>> | undefined;
  await using house = await openDrive(async (clock) => (opened = await postgresSubject(clock)));
  assert.ok(opened);
  const { database, sql } = opened;
  const settings = { ...usual, dataFolder: folder.path };
  assert.deepEqual(await examineSegments(settings, database), []);
  expect(await house.file(house.rootId, "file", randomBytes(1_000)));
  const [missing] = await examineSegments(settings, database);
  assert.equal(missing?.ok, false);
  assert.match(missing?.says ?? "", /was it moved/);

  const [{ segment } = { segment: "" }] = (await sql(
    "select segment from drive.chunks",
  )) as readonly { readonly segment: string }[];
  mkdirSync(path.join(folder.path, segmentFolder), { recursive: true });
  const file = path.join(folder.path, segmentFolder, segment);
  writeFileSync(file, "there");
  assert.equal((await examineSegments(settings, database))[0]?.ok, true);
  rmSync(file);
  const [unasked] = await examineSegments({ ...settings, ...away }, database);
  assert.match(unasked?.says ?? "", /ECONNREFUSED/);
});
