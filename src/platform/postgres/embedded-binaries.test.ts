import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { reachableFolder, runAs } from "./embedded-binaries.ts";

/** A folder that only root may enter; nothing of the kind exists for others. */
async function privateFolder() {
  const folder = await mkdtemp(path.join(os.tmpdir(), "basalt-private-"));
  const places: string[] = [];
  return {
    path: folder,
    /** Where the data of a project lies; removed at the end. */
    open(project: string, isNew: boolean): string {
      mkdirSync(path.join(folder, project), { recursive: true });
      const place = reachableFolder(path.join(folder, project, "postgres"), runAs(), isNew);
      places.push(place);
      return place;
    },
    async [Symbol.asyncDispose]() {
      for (const place of places) rmSync(place, { recursive: true, force: true });
      await rm(folder, { recursive: true });
    },
  };
}

test("data behind a folder that Postgres may not enter follows its project, and no other", async () => {
  await using folder = await privateFolder();
  const first = folder.open("one", true);
  writeFileSync(path.join(first, "data"), "mine");
  assert.equal(folder.open("one", false), first);

  renameSync(path.join(folder.path, "one"), path.join(folder.path, "two"));
  const moved = folder.open("two", false);
  assert.ok(existsSync(path.join(moved, "data")), "the data follows");

  if (process.getuid?.() !== 0) return; // it lies within the project, and has moved with it
  assert.notEqual(folder.open("one", true), first, "a new project there begins anew");
});

test("a project whose data is gone is refused in words", async () => {
  if (process.getuid?.() !== 0) return;
  await using folder = await privateFolder();
  rmSync(folder.open("one", true), { recursive: true });
  assert.throws(() => folder.open("one", false), /was in .*, which is gone\. Put it back/);
});
