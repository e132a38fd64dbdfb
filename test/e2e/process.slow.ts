import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { chmod, readdir, rm } from "node:fs/promises";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "#platform/postgres/embedded-lock.ts";
import { adminEmail, asAdmin, launch, postJson, scratch } from "../support/basalt.ts";
import { testDatabase } from "../support/database.ts";
import { smtpInbox } from "../support/smtp.ts";

const person = (i: number) => ({ email: `p${i}@example.com`, name: `Person ${i}` });

/** Invites somebody; answers the status. */
async function invite(url: string, i: number): Promise<number> {
  const { headers } = await asAdmin({ url });
  return (await postJson(`${url}/api/v1/users`, person(i), headers)).status;
}

/** Addresses of all users but the first administrator. */
async function usersAt(url: string): Promise<readonly string[]> {
  const { headers } = await asAdmin({ url });
  const answer = await fetch(`${url}/api/v1/users`, { headers });
  const { items } = (await answer.json()) as { items: { email: string }[] };
  return items.map(({ email }) => email).filter((email) => email !== adminEmail);
}

/** The server that serves the data below a folder. */
const serverPid = (folder: string): number =>
  Number(readFileSync(path.join(folder, "postgres/data/postmaster.pid"), "utf8").split("\n")[0]);

test("Basalt starts, stops on SIGTERM with 0 and nothing left, and finds its data again", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  await using first = launch(["start"], env);
  const url = await first.url;
  assert.equal(await invite(url, 1), 201);
  const email = () => readdir(path.join(folder.path, "email"));
  await until(async () => (await email()).length === 1);

  const other = await launch(["start"], env).ended;
  assert.equal(other.code, 1);
  assert.match(other.output, /Another Basalt \(process \d+\) holds .* BASALT_DATA_DIR/);
  const listed = await launch(["events", "list", "--json"], env).ended;
  assert.equal(listed.code, 0);
  const events = JSON.parse(listed.output) as { type: string }[];
  assert.ok(events.some(({ type }) => type === "identity.session-started"));

  first.child.kill("SIGTERM");
  const { code, output } = await first.ended;
  assert.equal(code, 0, output);
  assert.throws(() => serverPid(folder.path), "Postgres is gone, and its pid file");

  await using second = launch(["start"], env);
  assert.deepEqual(await usersAt(await second.url), ["p1@example.com"]);
  second.child.kill("SIGINT");
  assert.equal((await second.ended).code, 0);
});

test("after Basalt was killed, the next start stops the orphaned Postgres and goes on", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  await using killed = launch(["start"], env);
  const url = await killed.url;
  assert.equal(await invite(url, 1), 201);
  killed.child.kill("SIGKILL");
  await killed.ended;
  const orphan = serverPid(folder.path);

  await using next = launch(["start"], env);
  assert.deepEqual(await usersAt(await next.url), ["p1@example.com"]);
  assert.equal(isAlive(orphan), false);
  next.child.kill("SIGTERM");
  assert.equal((await next.ended).code, 0);
});

test("Postgres killed under load: 503 meanwhile, recovery by itself, nothing acknowledged lost", async () => {
  await using folder = await scratch();
  await using basalt = launch(["start"], {
    BASALT_DATA_DIR: folder.path,
    BASALT_LOG_LEVEL: "warn",
  });
  const users = `${await basalt.url}/api/v1/users`;
  const { headers } = await asAdmin({ url: await basalt.url });
  const acknowledged: string[] = [];
  const statuses = new Set<number>();
  const load = { on: true };
  const loaders = Array.from({ length: 8 }, async (_, worker) => {
    for (let i = 0; load.on; i += 1) {
      const answer = await postJson(users, person(worker * 1_000_000 + i), headers);
      statuses.add(answer.status);
      const { id } = (await answer.json()) as { id: string };
      if (answer.status === 201) acknowledged.push(id);
    }
  });
  await sleep(500);
  process.kill(serverPid(folder.path), "SIGKILL");
  await until(async () => statuses.has(503));
  await until(async () => (await fetch(users, { headers })).status === 200);
  const before = acknowledged.length;
  await until(async () => acknowledged.length > before + 20);
  load.on = false;
  await Promise.all(loaders);

  assert.deepEqual(
    [...statuses].toSorted((a, b) => a - b),
    [201, 503],
  );
  for (const id of acknowledged)
    assert.equal((await fetch(`${users}/${id}`, { headers })).status, 200);
  basalt.child.kill("SIGTERM");
  assert.equal((await basalt.ended).code, 0);
});

test("a promise that no code awaits is logged, and Basalt goes on", async () => {
  await using opened = await testDatabase();
  const left = "process.on('SIGUSR2',()=>{Promise.reject(new(Error)('left/alone'))})";
  const env = {
    BASALT_DATABASE_URL: opened.url,
    NODE_OPTIONS: `--import=data:text/javascript,${left}`,
  };
  await using basalt = launch(["start"], env);
  const url = await basalt.url;
  basalt.child.kill("SIGUSR2");
  await until(() => basalt.output().includes("left/alone"));
  assert.match(basalt.output(), /"a promise was rejected and no code awaits it"/);
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
});

test("a stop under load answers what it has begun", async () => {
  await using folder = await scratch();
  await using basalt = launch(["start"], { BASALT_DATA_DIR: folder.path });
  const users = `${await basalt.url}/api/v1/users`;
  const { headers } = await asAdmin({ url: await basalt.url });
  const answers = Array.from({ length: 200 }, (_, i) =>
    postJson(users, person(i), headers).then(
      ({ status }) => status,
      () => "not accepted",
    ),
  );
  await Promise.race(answers);
  basalt.child.kill("SIGTERM");
  const outcomes = new Set(await Promise.all(answers));
  assert.equal((await basalt.ended).code, 0);
  outcomes.delete("not accepted");
  outcomes.delete(503);
  assert.deepEqual([...outcomes], [201]);
});

test("in a folder that no other user may enter, data is kept where Postgres' user reaches it", async () => {
  await using folder = await scratch();
  await chmod(folder.path, 0o700);
  const env = { BASALT_DATA_DIR: folder.path };
  await using first = launch(["start"], env);
  const url = await first.url;
  const isRoot = process.getuid?.() === 0;
  const elsewhere = /"folder":"([^"]+)","msg":"Postgres runs as the user nobody/.exec(
    first.output(),
  )?.[1];
  assert.equal(elsewhere !== undefined, isRoot, "only root needs another place, and says where");
  await using _gone = {
    [Symbol.asyncDispose]: () => rm(elsewhere ?? folder.path, { recursive: true, force: true }),
  };
  assert.equal(await invite(url, 1), 201);
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).code, 0);

  await using second = launch(["start"], env);
  assert.deepEqual(await usersAt(await second.url), ["p1@example.com"]);
  second.child.kill("SIGTERM");
  assert.equal((await second.ended).code, 0);
});

test("two Basalts side by side, each with its folder, know nothing of each other", async () => {
  await using folders = new AsyncDisposableStack();
  const begin = async () => {
    const folder = folders.use(await scratch());
    return folders.use(launch(["start"], { BASALT_DATA_DIR: folder.path }));
  };
  const [one, other] = [await begin(), await begin()];
  const [here, there] = await Promise.all([one.url, other.url]);
  assert.equal(await invite(here, 1), 201);
  assert.equal(await invite(there, 1), 201);
  for (const { child } of [one, other]) child.kill("SIGTERM");
  for (const { code } of await Promise.all([one.ended, other.ended])) assert.equal(code, 0);
});

test("two processes on one database: what one is told, another acts on, whoever dies", async () => {
  await using opened = await testDatabase();
  await using folder = await scratch();
  const env = { BASALT_DATABASE_URL: opened.url, BASALT_DATA_DIR: folder.path };
  await using edge = launch(["start"], { ...env, BASALT_CONSUMERS: "false" });
  await using first = launch(["start"], env);
  await using second = launch(["start"], env);
  const [url] = await Promise.all([edge.url, first.url, second.url]);
  const registered = Array.from({ length: 50 }, (_, i) => i);
  const { headers } = await asAdmin({ url });
  for (const i of registered)
    assert.equal((await postJson(`${url}/api/v1/users`, person(i), headers)).status, 201);
  const emails = async () => (await readdir(path.join(folder.path, "email"))).length;
  await until(async () => (await emails()) >= 25);
  // Whichever of the two holds the lease: the other takes over, or goes on.
  first.child.kill("SIGKILL");
  await until(async () => (await emails()) === registered.length);
});

test("a dead letter is listed, replayed and then delivered once", async () => {
  await using inbox = await smtpInbox();
  await using folder = await scratch();
  const env = {
    BASALT_DATA_DIR: folder.path,
    BASALT_SMTP_URL: inbox.url,
    BASALT_EVENT_MAX_ATTEMPTS: "1",
  };
  inbox.verdicts = { message: () => ({ code: 550, text: "no such mailbox" }) };
  await using basalt = launch(["start"], env);
  assert.equal(await invite(await basalt.url, 1), 201);

  type Letter = { readonly subscription: string; readonly error: string };
  const dead = async () => {
    const { output } = await launch(["events", "dead", "--json"], env).ended;
    return JSON.parse(output) as readonly Letter[];
  };
  await until(async () => (await dead()).length === 1);
  const [letter] = await dead();
  assert.equal(letter?.subscription, "identity.welcome-email");
  assert.match(letter?.error ?? "", /no such mailbox/);
  const doctor = await launch(["doctor"], env).ended;
  assert.equal(doctor.code, 1);
  assert.match(doctor.output, /BAD {2}identity\.welcome-email: .*1 dead letter;/);

  inbox.verdicts = {};
  assert.equal((await launch(["events", "replay", "user_unknown"], env).ended).code, 1);
  const replayed = await launch(["events", "replay", "--json"], env).ended;
  assert.deepEqual(JSON.parse(replayed.output), { replayed: 1 });
  await until(async () => inbox.emails.size === 1);
  await until(async () => (await dead()).length === 0);
  assert.equal((await launch(["doctor"], env).ended).code, 0);
  assert.deepEqual(inbox.envelopes, [["p1@example.com"]]);
});

test("the doctor finds what is wrong before a start does", async () => {
  const sick = {
    BASALT_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
    BASALT_REDIS_URL: "redis://127.0.0.1:1",
    BASALT_CATALOG_STOCK_URL: "http://127.0.0.1:1/api/v1",
    BASALT_CATALOG_PRICES_URL: "http://127.0.0.1:2/api/v1",
  };
  const { code, output } = await launch(["doctor", "--json"], sick).ended;
  assert.equal(code, 1);
  const findings = JSON.parse(output) as readonly { readonly ok: boolean; readonly what: string }[];
  const bad = findings.filter(({ ok }) => !ok).map(({ what }) => what);
  const upstreams = ["BASALT_CATALOG_STOCK_URL", "BASALT_CATALOG_PRICES_URL"];
  assert.deepEqual(bad, ["postgres", "redis", ...upstreams]);

  const misspelt = await launch(["doctor"], { PORT: "http" }).ended;
  assert.equal(misspelt.code, 1);
  assert.match(misspelt.output, /BAD {2}configuration: PORT/);
});

test("migrate brings a database to the newest revision, and says when there is nothing to do", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  const applied = await launch(["migrate", "--json"], env).ended;
  assert.equal(applied.code, 0, applied.output);
  assert.ok((JSON.parse(applied.output) as readonly unknown[]).length > 0);
  assert.match((await launch(["migrate"], env).ended).output, /Nothing to migrate/);
});

test("a wrong configuration is refused at once, completely, with 78", async () => {
  const env = { PORT: "http", BASALT_LOG_LEVEL: "loud", BASALT_TYPO: "1" };
  const { code, output } = await launch(["start"], env).ended;
  assert.equal(code, 78);
  for (const name of Object.keys(env)) assert.match(output, new RegExp(name));
});

test("the CLI helps, refuses what it does not know, and masks secrets", async () => {
  assert.match((await launch(["--help"], {}).ended).output, /events/);
  assert.equal((await launch(["fly"], {}).ended).code, 2);
  const secret = { BASALT_DATABASE_URL: "postgres://u:hidden@h/d" };
  const { output } = await launch(["config"], secret).ended;
  assert.match(output, /BASALT_DATABASE_URL=\*{8}/);
  assert.doesNotMatch(output, /hidden/);
});

test("a Postgres that cannot start ends Basalt with an error, once, and gives the folder back", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  await using first = launch(["start"], env);
  await first.url;
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).code, 0);

  const settings = path.join(folder.path, "postgres/data/postgresql.conf");
  appendFileSync(settings, "\nthis is no setting\n");
  const { code, output } = await launch(["start"], env).ended;
  assert.equal(code, 1);
  assert.match(output, /Postgres did not start; see .*postgres\.log/);
  assert.equal(existsSync(path.join(folder.path, "basalt.lock")), false);
});

test("a server that npm has started ends once npm is killed", async () => {
  await using folder = await scratch();
  const script = `
    const { spawn } = require("node:child_process");
    spawn(process.execPath, ["src/cli.ts", "start"], { stdio: "inherit" });`;
  const env = { BASALT_DATA_DIR: folder.path, npm_lifecycle_event: "start" };
  await using npm = launch([script], env, "-e");
  const url = await npm.url;

  npm.child.kill("SIGKILL");
  const { output } = await npm.ended; // once nobody holds its output any more

  assert.match(output, /npm, which started it, has ended.*stopping/);
  assert.match(output, /"msg":"stopped"/);
  await assert.rejects(fetch(`${url}/health`));
});

test("a start that waits for a silent database ends when it is told to", async () => {
  await using folder = await scratch();
  const sockets: net.Socket[] = [];
  const silent = net.createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as net.AddressInfo;
  const env = {
    BASALT_DATA_DIR: folder.path,
    BASALT_DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`,
  };
  await using basalt = launch(["start"], env);
  await until(() => sockets.length > 0);

  basalt.child.kill("SIGTERM");
  const { code, output } = await basalt.ended;

  assert.equal(code, 1);
  assert.match(output, /"why":"SIGTERM".*stopping/);
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test("the environment of Postgres and of hashing processes tells nothing of Basalt's settings", async () => {
  if (process.platform !== "linux") return;
  await using folder = await scratch();
  await using basalt = launch(["start"], {
    BASALT_DATA_DIR: folder.path,
    BASALT_MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
  });
  await basalt.url; // the administrator's password has been hashed
  const children = readFileSync(
    `/proc/${basalt.child.pid}/task/${basalt.child.pid}/children`,
    "utf8",
  );
  const pids = [...children.trim().split(" "), String(serverPid(folder.path))];
  assert.ok(pids.length >= 2);
  for (const pid of pids) {
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    assert.doesNotMatch(environment, /BASALT|password/i, pid);
    assert.match(environment, /PATH=/);
  }
});
