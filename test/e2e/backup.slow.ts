import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launch, scratch, signIn, signUp, type Process } from "../support/basalt.ts";
import { me } from "../support/http.ts";
import { until } from "../support/until.ts";

const killed = async ({ child }: Process) => {
  child.kill("SIGKILL");
  await once(child, "exit"); // its Postgres holds its output open
};

test("a backup that is killed leaves no file of its name, and the next one succeeds", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: path.join(folder.path, "data") };
  await using basalt = launch(["start"], env);
  await signUp({ url: await basalt.url }, "ada@example.com");
  const file = path.join(folder.path, "basalt.tar.zst");
  const slow = launch(["backup", file, "--rate", "0.01"], env);
  await until(async () => existsSync(`${file}.${slow.child.pid}.part`));
  await sleep(500);
  await killed(slow);
  assert.equal(existsSync(file), false);

  const stopped = launch(["backup", file, "--rate", "0.01"], env);
  const part = `${file}.${stopped.child.pid}.part`;
  await until(async () => existsSync(part));
  stopped.child.kill("SIGTERM");
  const told = await stopped.ended;
  assert.deepEqual([told.code, existsSync(part)], [1, false]);
  assert.match(told.output, /stopped by SIGTERM/);

  const both = [launch(["backup", file], env), launch(["backup", file], env)];
  const ended = await Promise.all(both.map((backup) => backup.ended));
  assert.equal(
    ended.filter(({ code }) => code === 0).length,
    1,
    ended.map(({ output }) => output).join("\n"),
  );
  const verified = await launch(["restore", file, "--verify"], env).ended;
  assert.equal(verified.code, 0, verified.output);
  const again = await launch(["backup", file], env).ended;
  assert.deepEqual([again.code, again.output.includes("exists already")], [1, true]);
});

test("a restore beside a Basalt that is starting is refused in words", async () => {
  await using folder = await scratch();
  const data = (name: string) => ({ BASALT_DATA_DIR: path.join(folder.path, name) });
  const file = path.join(folder.path, "basalt.tar.zst");
  {
    await using basalt = launch(["start"], data("from"));
    await basalt.url;
    const backup = await launch(["backup", file], data("from")).ended;
    assert.equal(backup.code, 0, backup.output);
  }
  await using basalt = launch(["start"], data("into"));
  await until(async () => existsSync(path.join(folder.path, "into/basalt.lock")));
  const { code, output } = await launch(["restore", file], data("into")).ended;
  assert.notEqual(code, 0);
  assert.match(output, /the database is in use/);
  await basalt.url;
});

test("a backup whose reader leaves fails, and stops its Postgres", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: path.join(folder.path, "data") };
  {
    await using basalt = launch(["start"], env);
    await basalt.url;
  }
  const backup = launch(["backup", "-"], env);
  backup.child.stdout?.destroy();
  const { code } = await backup.ended;
  assert.equal(code, 1);
  assert.equal(existsSync(path.join(env.BASALT_DATA_DIR, "basalt.lock")), false);
});

test("a restore that is killed leaves nothing; the next one brings back who signed in", async (t) => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: path.join(folder.path, "data") };
  const file = path.join(folder.path, "basalt.tar.zst");
  {
    await using basalt = launch(["start"], env);
    await signUp({ url: await basalt.url }, "ada@example.com");
    const emails = path.join(env.BASALT_DATA_DIR, "email");
    await mkdir(emails, { recursive: true });
    await writeFile(path.join(emails, "long.eml"), randomBytes(1_000_000));
    const { code, output } = await launch(["backup", file], env).ended;
    assert.equal(code, 0, output);
  }
  const elsewhere = { BASALT_DATA_DIR: path.join(folder.path, "other") };
  const bytes = await readFile(file);
  for (const end of [500_000, bytes.length - 3_000, bytes.length]) {
    const part = launch(["restore", "-"], elsewhere);
    t.after(() => part.child.kill("SIGKILL"));
    part.child.stdin?.on("error", () => {}).write(bytes.subarray(0, end));
    await until(async () => existsSync(path.join(elsewhere.BASALT_DATA_DIR, "postgres")));
    await sleep(3_000);
    assert.equal(part.child.exitCode, null, part.output());
    await killed(part);
  }
  const { code, output } = await launch(["restore", file], elsewhere).ended;
  assert.equal(code, 0, output);
  await using basalt = launch(["start"], elsewhere);
  const served = { url: await basalt.url };
  const { status } = await me(served, await signIn(served, "ada@example.com"));
  assert.equal(status, 200);
});
