import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { scratch, serve, signUp, type Served, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { post } from "#test/http.ts";
import { must, run } from "#test/programs.ts";

/** Names that other systems, shells and URLs make something else of. */
const odd = ["ünï & <x>#%.txt", "100% sure?.txt", "-dash", "quote'\"s", "emoji 🗂️", "a+b=c;d,e"];

describe("clients of WebDAV", () => {
  let served: Served;
  let ada: SignedIn;
  let key: string;
  /** Of the same key it is another one each time. */
  let obscured: string;
  let folder: Awaited<ReturnType<typeof scratch>>;
  before(async () => {
    folder = await scratch();
    writeFileSync(path.join(folder.path, "rclone.conf"), "");
    served = await serve({ BASALT_LIMIT_REQUESTS_PER_MINUTE: "1000000" });
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const at = { url: served.url, headers: ada.headers };
    const scopes = ["spaces:read", "nodes:read", "nodes:update"];
    const { body } = await post(at, `/users/${ada.userId}/api-keys`, {
      name: "laptop",
      scopes,
      expiresInDays: 30,
    });
    key = String(body["token"]);
    obscured = (await must("rclone", ["obscure", key])).trim();
    for (const name of ["Litmus", "Rclone", "Curl", "Mounted"])
      assert.equal((await post(at, "/drive/spaces", { name })).status, 201);
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  const url = (space: string) => `${served.url}/dav/${space}/`;
  const filled = (name: string): string => {
    const at = path.join(folder.path, name);
    mkdirSync(path.join(at, "deep/er"), { recursive: true });
    for (let i = 0; i < 20; i += 1)
      writeFileSync(path.join(at, `${i}.bin`), randomBytes(i * 9_000));
    for (const one of odd) writeFileSync(path.join(at, "deep/er", one), one);
    return at;
  };
  function rclone(...args: readonly string[]): Promise<string> {
    const env = {
      RCLONE_CONFIG: path.join(folder.path, "rclone.conf"),
      RCLONE_CONFIG_B_TYPE: "webdav",
      RCLONE_CONFIG_B_URL: url("Rclone"),
      RCLONE_CONFIG_B_VENDOR: "owncloud",
      RCLONE_CONFIG_B_USER: "ada@example.com",
      RCLONE_CONFIG_B_PASS: obscured,
    };
    return must("rclone", args, { env });
  }

  test("litmus passes all of its tests, without a warning", async () => {
    const said = await must("litmus", ["-k", url("Litmus"), "ada@example.com", key]);
    const runs = [...said.matchAll(/of (\d+) tests run: (\d+) passed/g)];
    const sum = (group: 1 | 2) => runs.reduce((all, one) => all + Number(one[group]), 0);
    assert.deepEqual([sum(1), sum(2)], [104, 104], said);
    assert.doesNotMatch(said, /WARNING|skipped/);
  });

  test("rclone copies a folder, finds every byte again, and keeps two folders alike", async () => {
    const local = filled("rclone-local");
    await rclone("copy", local, "b:copied");
    assert.match(await rclone("check", "--download", local, "b:copied"), / 0 differences found/);
    await rclone("moveto", "b:copied/deep", "b:copied/deeper");
    const names = (await rclone("lsf", "-R", "b:copied/deeper/er")).split("\n").filter(Boolean);
    assert.deepEqual(new Set(names), new Set(odd));

    const other = path.join(folder.path, "rclone-other");
    mkdirSync(other);
    const alike = ["bisync", other, "b:copied", "--workdir", path.join(folder.path, "bisync")];
    await rclone(...alike, "--resync");
    writeFileSync(path.join(other, "new here"), "1");
    rmSync(path.join(other, "3.bin"));
    await rclone("copyto", path.join(local, "5.bin"), "b:copied/new there");
    await rclone(...alike);
    assert.match(await rclone("check", "--download", other, "b:copied"), / 0 differences found/);
    const here = readdirSync(other);
    assert.ok(here.includes("new there") && !here.includes("3.bin"), here.join());
    await rclone("purge", "b:copied");
  });

  test("curl sends files with and without their length", async () => {
    const bytes = randomBytes(3_000_000);
    const file = path.join(folder.path, "curl.bin");
    writeFileSync(file, bytes);
    const who = ["-sS", "--fail", "-u", `ada:${key}`];
    await must("curl", [...who, "-T", file, url("Curl")]);
    await must("curl", [...who, "-T", "-", `${url("Curl")}piped.bin`], { input: bytes });
    for (const name of ["curl.bin", "piped.bin"]) {
      const back = path.join(folder.path, `back-${name}`);
      await must("curl", [...who, "-o", back, `${url("Curl")}${name}`]);
      assert.ok(readFileSync(back).equals(bytes), name);
    }
    const wrong = await run("curl", ["-sS", "--fail", "-u", "ada:guess", "-T", file, url("Curl")]);
    assert.equal(wrong.code, 22, wrong.said);
  });

  test(
    "programs work on a mounted drive",
    { skip: !existsSync("/dev/fuse") && "no FUSE" },
    async () => {
      const mounted = path.join(folder.path, "mounted");
      mkdirSync(mounted);
      const config = path.join(folder.path, "davfs2.conf");
      writeFileSync(config, "delay_upload 0\nask_auth 1\n");
      const options = ["-t", "davfs", url("Mounted"), mounted, "-o", `conf=${config}`];
      await must("mount", options, { input: `ada\n${key}\n` });
      const file = path.join(folder.path, "rsynced");
      const bytes = randomBytes(200_000);
      writeFileSync(file, bytes);
      try {
        await must("rsync", ["--inplace", file, path.join(mounted, "rsynced")]);
        const database = path.join(mounted, "db.sqlite");
        const sql = "create table t (a); insert into t values (1), (2); select sum(a) from t;";
        assert.equal((await must("sqlite3", [database, sql])).trim(), "3");
        await must("mkdir", [path.join(mounted, "made")]);
        await must("mv", [path.join(mounted, "rsynced"), path.join(mounted, "made/moved")]);
      } finally {
        await must("umount", [mounted]);
      }
      const authorization = `Basic ${btoa(`ada:${key}`)}`;
      const back = async (name: string) =>
        Buffer.from(
          await (await fetch(url("Mounted") + name, { headers: { authorization } })).arrayBuffer(),
        );
      assert.ok((await back("made/moved")).equals(bytes));
      const copy = path.join(folder.path, "db.sqlite");
      writeFileSync(copy, await back("db.sqlite"));
      assert.equal((await must("sqlite3", [copy, "pragma integrity_check"])).trim(), "ok");
    },
  );
});
