import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { unzipSync } from "fflate";
import { expect } from "#kernel/result.ts";
import { ReadArchive } from "../application/content/read-archive.ts";
import { tarOf } from "../testing/archives.ts";
import { memorySubject, openDrive, outcomeOf, read } from "../testing/fixtures.ts";
import { byText } from "../testing/memory-tables.ts";
import { zipOf } from "./zip-archive.ts";

const byName = ([a = ""]: readonly string[], [b = ""]: readonly string[]) => byText(a, b);

async function given() {
  const house = await openDrive(memorySubject);
  const { drive, as, adaId } = house;
  const ask = (nodeId: string, actor: string = adaId) =>
    drive.readArchive(read(ReadArchive, { nodeId }), as(actor));
  const unpacked = async (nodeId: string) => {
    const archive = expect(await ask(nodeId));
    const bytes = await buffer(zipOf.bytes(archive));
    assert.equal(bytes.length, zipOf.sizeOf(archive), "the length that is told before");
    const files = Object.entries(unzipSync(bytes));
    return files.map(([name, content]) => [name, Buffer.from(content).toString()]);
  };
  return { ...house, ask, unpacked };
}

test("a ZIP archive has all that lies in a folder, without what is in the trash", async () => {
  await using house = await given();
  const folder = await house.made(house.rootId, "Übung: 1");
  const large = "x".repeat(300_000);
  const entries = [
    { name: "empty/" },
    { name: "a/b/請求.txt", text: "deep" },
    { name: "a/gone.txt", text: "gone" },
    { name: "large", text: large },
    { name: "nothing", text: "" },
  ];
  const placed = expect(await house.batch(folder, await tarOf(entries)));
  const gone = placed.find((one) => one.path === "a/gone.txt");
  assert.ok(gone?.outcome === "created");
  expect(await house.trash(gone.node.id));
  assert.deepEqual((await house.unpacked(folder)).toSorted(byName), [
    ["Übung_ 1/a/", ""],
    ["Übung_ 1/a/b/", ""],
    ["Übung_ 1/a/b/請求.txt", "deep"],
    ["Übung_ 1/empty/", ""],
    ["Übung_ 1/large", large],
    ["Übung_ 1/nothing", ""],
  ]);
});

test("files in a ZIP archive have the times at which they were last changed", async () => {
  await using house = await given();
  const folder = await house.made(house.rootId, "folder");
  const times = ["2001-02-03T04:05:06Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"];
  for (const modifiedAt of times)
    expect(await house.file(folder, modifiedAt.slice(0, 4), Buffer.from("x"), { modifiedAt }));
  const years = expect(await house.ask(folder)).entries.map(({ modifiedAt }) => modifiedAt);
  assert.equal(years.length, 3);
  assert.equal((await house.unpacked(folder)).length, 3, "it can be read, whatever the times");
  assert.ok(years.includes("2001-02-03T04:05:06.000Z" as (typeof years)[number]));
});

test("no name in a ZIP archive leads out of the folder that it is unpacked in", async () => {
  await using house = await given();
  const folder = await house.made(house.rootId, "C:");
  for (const name of ["C:evil", "...x", "~", "-rf", "$(id)"])
    expect(await house.file(folder, name, Buffer.from("x")));
  const names = (await house.unpacked(folder)).map(([name = ""]) => name);
  assert.deepEqual(
    names.toSorted(byText),
    ["$(id)", "-rf", "...x", "C:evil", "~"].map((one) => `C_/${one}`),
  );
});

test("a folder whose paths are too long together is refused, and packed in parts", async () => {
  await using house = await given();
  let folder = house.rootId;
  let inner = folder;
  for (let depth = 0; depth < 97; depth += 1) {
    inner = folder;
    folder = await house.made(folder, "x".repeat(254));
  }
  const entries = Array.from({ length: 400 }, (_, i) => ({ name: `${i}`, text: "" }));
  expect(await house.batch(folder, await tarOf(entries)));
  assert.equal(outcomeOf(await house.ask(house.rootId)), "paths-too-long");
  assert.equal((await house.unpacked(inner)).length, 401);
});

test("a folder of others, a file and an empty folder", async () => {
  await using house = await given();
  const { rootId, bobId, ask } = house;
  const file = expect(await house.file(rootId, "file", Buffer.from("x"))).id;
  assert.equal(outcomeOf(await ask(rootId, bobId)), "forbidden");
  assert.equal(outcomeOf(await ask(file)), "not-a-folder");
  const empty = await house.made(rootId, "empty");
  assert.deepEqual(await house.unpacked(empty), []);
});
