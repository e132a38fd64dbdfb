import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asAdmin, launch, postJson, scratch, serve } from "../support/basalt.ts";
import { until } from "../support/until.ts";
import { smtpInbox } from "../support/smtp.ts";

const consumer = "identity.welcome-email";

/** Who a health endpoint says is in trouble. */
async function troubledAt(url: string) {
  const answer = await fetch(`${url}/health/ready`);
  const { status, troubled } = (await answer.json()) as {
    readonly status: string;
    readonly troubled: readonly string[];
  };
  return { code: answer.status, status, troubled };
}

const register = async (url: string, name: string) => {
  const person = { email: `${name}@example.com`, name: "Ada", password: "correct horse battery" };
  assert.equal((await postJson(`${url}/api/v1/users`, person)).status, 201);
};

test("doctor, readiness, metrics and console tell of a stall alike", async () => {
  const gone = await smtpInbox();
  await gone[Symbol.asyncDispose]();
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path, BASALT_SMTP_URL: gone.url };
  await using basalt = launch(["start"], env);
  const url = await basalt.url;
  assert.deepEqual(await troubledAt(url), { code: 200, status: "ready", troubled: [] });

  await register(url, "ada");
  await until(async () => (await troubledAt(url)).troubled.length > 0);
  assert.deepEqual(await troubledAt(url), { code: 200, status: "degraded", troubled: [consumer] });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /basalt_events_trouble{subject="identity\.welcome-email"} 1/);
  const doctor = await launch(["doctor"], env).ended;
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.output,
    /BAD {2}identity\.welcome-email: something is away, waiting for it: 1 stream,/,
  );
  const consumers = await launch(["events", "consumers"], env).ended;
  assert.match(consumers.output, /identity\.welcome-email {2}slots: 64 by .*1 retrying/);
  assert.match(consumers.output, /something is away, .*ECONNREFUSED/);
});

test("one full mailbox and one slow receiver delay no other email", async () => {
  await using inbox = await smtpInbox();
  const end = Promise.withResolvers<undefined>();
  inbox.verdicts = {
    receiver: (address) => {
      if (address.startsWith("full")) return { code: 452, text: "mailbox full" };
      return address.startsWith("slow") ? end.promise : undefined;
    },
  };
  await using served = await serve({ BASALT_SMTP_URL: inbox.url });
  for (const name of ["full", "slow", "ada", "bob"]) await register(served.url, name);
  const received = () => new Set(inbox.envelopes.flat());
  await until(() => received().size === 2);
  assert.deepEqual(received(), new Set(["ada@example.com", "bob@example.com"]));
  end.resolve(undefined);
  await until(() => received().size === 3);
  inbox.verdicts = {};
  await until(() => received().size === 4);
  await sleep(100);
  assert.equal(inbox.envelopes.length, 4, "each email was sent once");
});

test("a deleted user gets no email but the one that says so, however often it was refused before", async () => {
  await using inbox = await smtpInbox();
  let refusals = 0;
  inbox.verdicts = {
    receiver() {
      refusals += 1;
      return { code: 452, text: "mailbox full" };
    },
  };
  await using served = await serve({ BASALT_SMTP_URL: inbox.url });
  await register(served.url, "ada");
  const state = "select stream, state from identity.parked_streams";
  await until(() => refusals > 1);
  const admin = await asAdmin(served);
  const [ada] = await served.opened.sql(
    "select id, version from identity.users where email = 'ada@example.com'",
  );
  const deleted = await fetch(`${served.url}/api/v1/users/${String(ada?.["id"])}`, {
    method: "DELETE",
    headers: { ...admin.headers, "if-match": `"${String(ada?.["version"])}"` },
  });
  assert.equal(deleted.status, 204);
  inbox.verdicts = {};
  await until(async () => (await served.opened.sql(state)).length === 0);
  await until(() => inbox.envelopes.length === 1);
  await sleep(100);
  assert.equal(inbox.envelopes.length, 1, "that of the deletion");
});

test("the console skips a dead letter, and retires a consumer that no process reads", async () => {
  await using inbox = await smtpInbox();
  inbox.verdicts = { message: () => ({ code: 550, text: "no such mailbox" }) };
  await using served = await serve({
    BASALT_SMTP_URL: inbox.url,
    BASALT_EVENT_MAX_ATTEMPTS: "1",
  });
  const env = { BASALT_DATABASE_URL: served.opened.url };
  const run = async (...args: readonly string[]) => launch(["events", ...args], env).ended;
  await register(served.url, "ada");
  await until(async () => /no such mailbox/.test((await run("dead")).output));
  const [letter] = JSON.parse((await run("dead", "--json")).output) as readonly {
    readonly event_id: string;
  }[];
  assert.equal((await run("skip", consumer, "evt_unknown")).code, 1);
  const skipped = await run("skip", consumer, letter?.event_id ?? "", "--json");
  assert.deepEqual(JSON.parse(skipped.output), { skipped: 1 });
  await until(async () => /No dead letters/.test((await run("dead")).output));

  const held = await run("retire", consumer);
  assert.deepEqual(
    [held.code, /is read by .*stop that process first/.test(held.output)],
    [1, true],
  );
  assert.equal((await run("retire", "nothing")).code, 1);
  await served.opened.sql(`insert into identity.subscriptions (name, slot)
    select 'identity.retired', generate_series(0, 63)`);
  const stale = /identity\.retired: no process reads it, waiting: \d+ events?;/;
  await until(async () => stale.test((await launch(["doctor"], env).ended).output));
  assert.match((await run("retire", "identity.retired")).output, /was removed/);
  assert.doesNotMatch((await run("consumers")).output, /identity\.retired/);
});
