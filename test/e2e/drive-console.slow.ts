import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
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
});
