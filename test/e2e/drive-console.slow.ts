import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { unzipSync } from "fflate";
import { launch, scratch, serve, signUp } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";

describe("the drive at the console", () => {
  test("a newcomer sends and receives files, syncs a folder, and gets it back as it was", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    await using folder = await scratch();
    const at = (...names: readonly string[]) => path.join(folder.path, ...names);
    const env = { BASALT_API_KEY: ada.headers.authorization.replace("Bearer ", "") };
    const run = async (...args: readonly string[]) => {
      const { code, output } = await launch(["drive", ...args, "--server", served.url], env).ended;
      return { code, output, row: () => (JSON.parse(output) as readonly object[])[0] };
    };

    await writeFile(at("report.txt"), "one");
    const put = await run("put", at("report.txt"), "/Letters/");
    assert.match(
      put.output,
      /^\/Letters\/report\.txt has revision 1: 3 bytes, of which 3 were sent\./,
    );
    assert.equal((await run("get", "/Letters/report.txt", at("copy.txt"))).code, 0);
    assert.equal(await readFile(at("copy.txt"), "utf8"), "one");
    const missing = await run("get", "/Letters/none.txt");
    assert.deepEqual(
      [missing.code, /there is no \/Letters\/none\.txt/.test(missing.output)],
      [1, true],
    );

    await mkdir(at("photos", "trip"), { recursive: true });
    for (const name of ["a", "b", "c"]) await writeFile(at("photos", "trip", name), name);
    // Small ones go together, and then the large one by itself, with progress of its own.
    for (let i = 0; i < 10; i += 1) await writeFile(at("photos", `small ${i}`), `${i}`);
    await writeFile(at("photos", "large"), randomBytes(3_000_000));
    const sync = () => run("sync", at("photos"), "--to", "/Photos", "--json");
    assert.equal((await sync()).code, 0);
    const before = new Date().toISOString();
    await rm(at("photos", "trip"), { recursive: true });
    await writeFile(at("photos", "new.txt"), "new");
    assert.equal((await sync()).code, 0);

    const dry = await run("restore", "/Photos", "--at", before, "--dry-run");
    assert.match(
      dry.output,
      /^As of .*: 4 back from the trash, 1 put in the trash, if it were not a dry run\./,
    );
    const restored = await run("restore", "/Photos", "--at", before, "--json");
    const counts = { restored: 4, moved: 0, revised: 0, copied: 0, trashed: 1 };
    assert.deepEqual(restored.row(), counts, restored.output);
    assert.equal((await sync()).code, 0);
    assert.equal(await readFile(at("photos", "trip", "b"), "utf8"), "b");
    await assert.rejects(readFile(at("photos", "new.txt")));

    const elsewhere = await run("sync", at("photos"), "--to", "/Elsewhere");
    assert.match(elsewhere.output, /is synced with another folder than \/Elsewhere/);
    for (const [args, said] of [
      [["get", "/Elsewhere"], /there is no \/Elsewhere/],
      [["get", "/Photos/"], /is a folder: use drive sync/],
      [["restore", "/Photos/trip/b", "--at", "1m"], /is a file/],
      [["restore", "/Photos/none", "--at", "1m"], /restore the folder that it lay in/],
      [["get", "/a", "--space", "Fmaily"], /there is no space Fmaily; you have My files/],
    ] as const) {
      const refused = await run(...args);
      assert.equal(refused.code, 1);
      assert.match(refused.output, said);
    }
    for (const [when, refusal] of [
      ["yesterday", /It is no time with its zone/],
      ["999d", /NO_SUCH_PAST|was not there|no-such-past/i],
    ] as const) {
      const refused = await run("restore", "/Photos", "--at", when);
      assert.notEqual(refused.code, 0);
      assert.match(refused.output, refusal);
    }
  });

  test("a newcomer looks at the folders of a server, finds files, and shares them by links", async () => {
    await using served = await serve({ BASALT_QUOTA_MIB: "1" });
    const ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    await using folder = await scratch();
    const at = (name: string) => path.join(folder.path, name);
    const env = { BASALT_API_KEY: ada.headers.authorization.replace("Bearer ", "") };
    const run = (...args: readonly string[]) =>
      launch(["drive", ...args, "--server", served.url], env).ended;

    await writeFile(at("report.txt"), "one");
    await writeFile(at("large"), randomBytes(2 ** 20));
    assert.equal((await run("put", at("report.txt"), "/Letters/")).code, 0);
    const large = await run("put", at("large"));
    assert.deepEqual([large.code, /QUOTA_EXCEEDED/.test(large.output)], [1, true], large.output);

    assert.match((await run("ls")).output, /^\d{4}-\d\d-\d\d \d\d:\d\d +Letters\/\n/);
    assert.match((await run("ls", "/Letters")).output, / 3 report\.txt/);
    assert.match((await run("ls", "/None")).output, /there is no \/None/);
    assert.match((await run("search", "PORT", "re")).output, /^\/Letters\/report\.txt\n/);
    assert.match((await run("usage")).output, /^Your spaces have 0\.0 MiB of 1\.0 MiB\./);

    const urlIn = (output: string) => /^http\S+/m.exec(output)?.[0] ?? "no address";
    const toFile = await run("link", "/Letters/report.txt", "--expires", "7d");
    assert.equal(await (await fetch(urlIn(toFile.output))).text(), "one", toFile.output);
    const toFolder = await run("link", "/Letters", "--max", "1");
    const archive = await fetch(urlIn(toFolder.output));
    assert.deepEqual(Object.keys(unzipSync(new Uint8Array(await archive.arrayBuffer()))), [
      "Letters/report.txt",
    ]);
    assert.equal((await fetch(urlIn(toFolder.output))).status, 410);
    const drop = await run("link", "/Letters", "--drop");
    const dropped = await fetch(`${urlIn(drop.output)}two.txt`, {
      method: "POST",
      body: "two",
      headers: { "content-type": "application/octet-stream" },
    });
    assert.equal(dropped.status, 201);
    assert.match((await run("ls", "/Letters")).output, / 3 two\.txt/);
    const past = await run("link", "/Letters", "--expires", "2020-01-01T00:00:00Z");
    assert.match(past.output, /EXPIRY_PAST/);
  });
});
