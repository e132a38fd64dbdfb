import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect, type Result } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import type { EntryResult } from "../application/content/place-entries.ts";
import { maxEntries } from "../application/content/receive-archive.ts";
import { NodeId } from "../domain/ids.ts";
import { maxDepth } from "../domain/node.ts";
import { tarOf } from "./archives.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

type Results = Result<readonly EntryResult[], { readonly type: string }>;
/** What was told of each entry, as in `a/b: created`. */
const told = (results: Results) =>
  expect(results).map(
    (one) => `${one.path}: ${one.outcome === "refused" ? one.refusal.type : one.outcome}`,
  );

/** Many files are created alike on every adapter. */
export function batchContract(name: string, open: OpenDrive): void {
  describe(`many files at once on ${name}`, () => {
    test("creates the files and folders of an archive, each with its own result", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      const archive = await tarOf([
        { name: "./" },
        { name: "photos/" },
        { name: "photos/2026/a.txt", text: "one" },
        { name: "photos/2026/b.txt", text: "two" },
        { name: "empty", text: "" },
        { name: "large", text: "x".repeat(600_000) },
      ]);
      const results = await house.batch(rootId, archive);
      assert.deepEqual(told(results), [
        "photos/: created",
        "photos/2026/a.txt: created",
        "photos/2026/b.txt: created",
        "empty: created",
        "large: created",
      ]);
      assert.deepEqual(await house.names(rootId), ["empty", "large", "photos"]);
      const nodes = expect(results).flatMap((one) => (one.outcome === "refused" ? [] : [one.node]));
      assert.equal((await house.bytesOf(nodes[2]?.id ?? "")).toString(), "two");
      assert.equal((await house.bytesOf(nodes[4]?.id ?? "")).length, 600_000);
      expect(await house.revise(nodes[3]?.id ?? "", 1, Buffer.from("no more")));
      const again = await house.batch(rootId, archive);
      assert.deepEqual(told(again), [
        "photos/: unchanged",
        "photos/2026/a.txt: unchanged",
        "photos/2026/b.txt: unchanged",
        "empty: name-taken",
        "large: unchanged",
      ]);
    });

    test("refuses what cannot be there, and creates the rest", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      await house.file(rootId, "file", Buffer.from("x"));
      const results = await house.batch(
        rootId,
        await tarOf([
          { name: "../outside", text: "x" },
          { name: "a/../../outside", text: "x" },
          { name: "nul.txt", text: "x" },
          { name: "link", type: "symlink" },
          { name: "file/below", text: "x" },
          { name: "FILE", text: "other" },
          { name: "twice", text: "one" },
          { name: "TWICE", text: "two" },
          { name: "twice", text: "one" },
          { name: "a", text: "a file where a folder is" },
          { name: "a/b", text: "x" },
          { name: `${"d/".repeat(maxDepth)}deep`, text: "x" },
          { name: "good", text: "x" },
        ]),
      );
      assert.deepEqual(told(results), [
        "../outside: name-invalid",
        "a/../../outside: name-invalid",
        "nul.txt: name-invalid",
        "link: entry-unsupported",
        "file/below: not-a-folder",
        "FILE: name-taken",
        "twice: created",
        "TWICE: name-taken",
        "twice: unchanged",
        "a: name-taken",
        "a/b: created",
        `${"d/".repeat(maxDepth)}deep: too-deep`,
        "good: created",
      ]);
    });

    test("refuses what is no archive, too many entries, and other people", async () => {
      await using house = await openDrive(open);
      const { rootId, bobId, as } = house;
      const archive = await tarOf([{ name: "a", text: "one" }]);
      const many = await tarOf(
        Array.from({ length: maxEntries + 1 }, (_, n) => ({ name: `n${n}`, text: "x" })),
      );
      const deep = await tarOf(
        Array.from({ length: 200 }, (_, n) => ({ name: `${n}/${"d/".repeat(20)}f`, text: "x" })),
      );
      const long = await tarOf([{ name: "a/".repeat(17_000), text: "x" }]);
      const file = expect(await house.file(rootId, "file", Buffer.from("x"))).id;
      const folder = await house.made(rootId, "folder");
      expect(await house.trash(folder));
      for (const [nodeId, bytes, actor, refusal] of [
        [rootId, Buffer.from("x".repeat(2_000)), undefined, "archive-invalid"],
        [rootId, archive.subarray(0, 514), undefined, "archive-invalid"],
        [rootId, many, undefined, "too-many-entries"],
        [rootId, deep, undefined, "too-many-entries"],
        [rootId, long, undefined, "archive-invalid"],
        [rootId, archive, bobId, "forbidden"],
        [file, archive, undefined, "not-a-folder"],
        [folder, archive, undefined, "node-in-trash"],
        [newId(NodeId), archive, undefined, "node-not-found"],
      ] as const)
        assert.equal(
          outcomeOf(await house.batch(nodeId, bytes, as(actor ?? house.adaId))),
          refusal,
        );
      assert.deepEqual(await house.names(rootId), ["file"]);
      assert.deepEqual(told(await house.batch(rootId, Buffer.alloc(0))), []);
    });

    test("has one effect for a repeated request, and one of racing ones has the names", async () => {
      await using house = await openDrive(open);
      const { rootId, as, adaId } = house;
      const archive = await tarOf([
        { name: "a", text: "one" },
        { name: "b/c", text: "two" },
      ]);
      const idempotency = { key: "key", fingerprint: "batch", formerly: [] };
      const context = { ...as(adaId), idempotency };
      const first = expect(await house.batch(rootId, archive, context));
      assert.deepEqual(expect(await house.batch(rootId, archive, context)), first);
      const racing = await Promise.all(
        ["x", "y", "z"].map(async (text) =>
          house.batch(rootId, await tarOf([{ name: "same", text }])),
        ),
      );
      const won = racing.filter((one) => one.ok && one.value[0]?.outcome === "created");
      assert.equal(won.length, 1);
    });
  });
}
