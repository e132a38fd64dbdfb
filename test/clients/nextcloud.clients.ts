import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { scratch } from "#test/basalt.ts";
import { must } from "#test/programs.ts";
import { openWebDav } from "#test/webdav.ts";

/** What a folder holds, by paths, without the client's own files. */
function contentOf(folder: string): ReadonlyMap<string, string> {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !/(^|\/)\.(sync_|nextcloudsync)/.test(name))
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .toSorted();
  return new Map(
    found.map((name) => [name, readFileSync(path.join(folder, name)).toString("base64")]),
  );
}

describe("nextcloudcmd", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let folder: Awaited<ReturnType<typeof scratch>>;
  let key: string;
  before(async () => {
    house = await openWebDav({ BASALT_LIMIT_REQUESTS_PER_MINUTE: "1000000" });
    folder = await scratch();
    key = await house.keyOf(house.ada);
  });
  after(async () => {
    await house.served[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const made = (name: string): string => {
    const at = path.join(folder.path, name);
    mkdirSync(at);
    return at;
  };
  /** Syncs a folder with the space. Answers how many requests of each kind the client has made. */
  async function sync(at: string): Promise<(kind: string) => number> {
    const who = ["-u", "ada@example.com", "-p", key, "--path", "/My files"];
    const how = ["--non-interactive", "--trust", "--logdebug", ...who];
    const env = { HOME: folder.path, XDG_CONFIG_HOME: path.join(folder.path, "config") };
    const said = await must("nextcloudcmd", [...how, at, house.served.url], { env });
    return (kind) => said.split(`${kind} created for`).length - 1;
  }

  test("keeps two folders alike, both of which are edited, with a large file", async () => {
    const [here, there] = [made("here"), made("there")];
    const large = randomBytes(25_000_000);
    writeFileSync(path.join(here, "large.bin"), large);
    mkdirSync(path.join(here, "deep/er"), { recursive: true });
    writeFileSync(path.join(here, "deep/er/ünï & <x>%#.txt"), "1");
    writeFileSync(path.join(here, "both.txt"), "first");
    await sync(here);
    await sync(there);
    assert.deepEqual(contentOf(there), contentOf(here));
    appendFileSync(path.join(here, "large.bin"), "more");
    writeFileSync(path.join(there, "deep/new.txt"), "new");
    writeFileSync(path.join(here, "both.txt"), "from here");
    writeFileSync(path.join(there, "both.txt"), "from there, longer");
    for (const at of [here, there, here]) await sync(at);
    const [mine, theirs] = [contentOf(here), contentOf(there)];
    assert.equal(mine.get("both.txt"), Buffer.from("from here").toString("base64"));
    const copy = [...theirs.keys()].find((name) => name.includes("conflicted copy"));
    assert.equal(theirs.get(copy ?? ""), Buffer.from("from there, longer").toString("base64"));
    assert.deepEqual(
      new Map([...mine].filter(([name]) => name !== copy)),
      new Map([...theirs].filter(([name]) => name !== copy)),
    );
  });

  test("asks four questions where nothing has changed", async () => {
    const at = made("calm");
    await sync(at);
    await sync(at);
    const made4 = await sync(at);
    assert.equal(made4("OCC::LsColJob"), 1);
    for (const kind of ["OCC::PUTFileJob", "OCC::GETFileJob", "OCC::MkColJob"])
      assert.equal(made4(kind), 0, kind);
  });

  test("moves a folder of a thousand files without sending one of them again", async () => {
    const [here, there] = [made("mover"), made("follower")];
    mkdirSync(path.join(here, "many"));
    for (let i = 0; i < 1_000; i += 1) writeFileSync(path.join(here, `many/${i}`), String(i));
    await sync(here);
    await sync(there);
    renameSync(path.join(here, "many"), path.join(here, "moved"));
    const moving = await sync(here);
    assert.deepEqual([moving("OCC::MoveJob"), moving("OCC::PUTFileJob")], [1, 0]);
    const following = await sync(there);
    assert.equal(following("OCC::GETFileJob"), 0);
    assert.deepEqual(contentOf(there), contentOf(here));
    assert.equal(readdirSync(path.join(there, "moved")).length, 1_000);
  });
});
