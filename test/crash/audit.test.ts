import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { scratch } from "../support/basalt.ts";
import { chanceOf } from "../support/chance.ts";
import { openBook, openDrive, sell, serve } from "../support/http.ts";
import { until, untilAll } from "../support/until.ts";
import { smtpInbox } from "../support/smtp.ts";
import { audit, reader } from "./audit.ts";
import { openBroker } from "./broker.ts";
import { isDone, openLedger, type Acknowledged } from "./ledger.ts";
import { accountsOfCrash, firstBalance, skus, startLoad } from "./load.ts";
import { schemaOf } from "./schema.ts";
import { makeTrails } from "./trails/trails.ts";

const kinds = [
  "user",
  "product",
  "receipt",
  "reservation",
  "import",
  "statement",
  "sync",
  "file",
  "revision",
  "copy",
  "back",
  "purge",
  "batch",
  "commit",
  "pieces",
  "transfer",
  "posting",
  "voiding",
] as const;

const step = (stream: string, version: number, asks: string) =>
  `insert into trail.events
     (stream, version, id, type, schema_version, payload, metadata, occurred_at)
   values ('${stream}', ${version}, 'evt_${stream}_${version}', 'trail.stepped', 1,
     '{"step": "${asks}"}', '{}', now())`;

/** What is damaged, how, and what must be said of it. */
const damages: readonly (readonly [string, RegExp])[] = [
  ["delete from catalog.reservations", /^lost: reservation /],
  ["delete from catalog.products where name like 's%'", /^lost: product /],
  [
    "update identity.users set version = version + 1 where email like 's%'",
    /^user_\w+ is not what its events say/,
  ],
  [
    "update catalog.events set version = 9 where stream like 'product_%' and version = 1",
    /^catalog: product_\w+ has a gap/,
  ],
  ["update catalog.stocks set on_hand = on_hand + 1", /^stock: \{"sku":"CRASH-/],
  [
    "update accounts.accounts set posted = posted + 1 where overdraft is null",
    /^money: account_\w+ is not the sum of its movements/,
  ],
  ["update catalog.imports set created = 7, unchanged = 1", /^import: /],
  [
    "delete from accounts.lines where id in (select id from accounts.lines where external_id like 's%' limit 1)",
    /^statement: s\S+ has 5 lines/,
  ],
  [
    "update accounts.statement_imports set created = created - 1, matched = matched + 1",
    /^statement: \{"id":"statement_/,
  ],
  [
    "delete from accounts.lines where id in (select id from accounts.lines where external_id like 'paid%' limit 1)",
    /^sync: paid-in-s\S+ has 0 lines/,
  ],
  [
    "delete from accounts.observations where id in (select id from accounts.observations where external_id like 'paid%' limit 1)",
    /^sync: \{"id":"statement_/,
  ],
  [
    `update drive.manifests set sizes = '', hashes = ''
      where number = 2 and node_id = (select node_id from drive.revisions group by 1 having max(number) = 2 limit 1)`,
    /^file: node_\w+ has other bytes/,
  ],
  [
    `insert into drive.revisions (node_id, number, size, hash, created_at) values ('node_gone', 1, 0, repeat('0', 64), now())`,
    /^purged: .*node_gone/,
  ],
  ["update drive.contents set uses = uses + 1", /^usage: \{"id":"\w{64}"/],
  ["update drive.usage set bytes = bytes + 1", /^usage: \{"id":"user_/],
  [
    "delete from drive.nodes where id in (select id from drive.nodes where name like '%-copy' limit 1)",
    /^lost: copy /,
  ],
  [
    "delete from drive.nodes where id in (select id from drive.nodes where name like '%-up' limit 1)",
    /^lost: commit /,
  ],
  [
    "delete from drive.nodes where id in (select id from drive.nodes where name like '%-nc' limit 1)",
    /^lost: pieces /,
  ],
  [
    "delete from drive.nodes where id in (select id from drive.nodes where name like '%-b3' limit 1)",
    /^lost: batch /,
  ],
  [
    "delete from drive.nodes where id in (select id from drive.nodes where kind = 'file' and name not similar to '%-(copy|up|nc|gone|b_)' limit 1)",
    /^lost: file /,
  ],
  ["delete from catalog_search.skus", /^catalog.search: skus differ/],
  [
    `insert into catalog.parked_streams (subscription, slot, stream, version, event_id,
       event_type, state, attempts, error, correlation_id)
     values ('x', 0, 'x', 1, 'x', 'x', 'dead', 1, 'x', 'x')`,
    /^parked: /,
  ],
  ["delete from identity.users where email like 's%'", /^lost: user /],
  [step("a", 1, "plain"), /^trail\.post: a 1 never arrived/],
  [step("b", 2, "plain"), /^trail: b is not what its events say/],
  [
    "insert into trail.sightings (reader, event_id, stream, version) values ('trail.seen', 'x', 'c', 1)",
    /^trail\.seen: saw c as 1/,
  ],
  [step("d", 1, "stall"), /^trail\.fragile: another dead letter: \{"stream":"d"/],
  [step("e", 1, "echo"), /^trail\.echo: evt_e_1 was echoed 0 times/],
];

test("a restore takes back all requests that the backup does not have", async () => {
  await using folder = await scratch();
  const ledger = openLedger(path.join(folder.path, "ledger.jsonl"));
  const body = { quantity: 1 };
  const note = (key: string, status: number, answer: string) =>
    ledger.note({ key, kind: "reservation", path: "/stock/X/reservations", body, status, answer });
  note("refused", 409, "OUT_OF_STOCK");
  note("told before the backup", 201, "r1");
  const late = (async () => {
    await sleep(20);
    note("done before, told after", 201, "r2");
  })();
  void ledger.follow(late);
  note("done after", 201, "r3");
  await ledger.settled();

  ledger.keepOnly(new Set(["told before the backup", "done before, told after", "never told"]));

  assert.deepEqual(
    [...ledger.acknowledged.keys()],
    ["told before the backup", "done before, told after"],
  );
});

test("what a restore took back is not found, and everything else must be", async () => {
  await using folder = await scratch();
  const ledger = openLedger(path.join(folder.path, "ledger.jsonl"));
  const end = (about: string) => ({
    key: `${about}-end`,
    about,
    kind: "voiding" as const,
    path: "/transfers/x/voiding",
    body: {},
  });
  const held = { kind: "transfer" as const, path: "/transfers", body: {} };
  for (const key of ["kept", "undone"]) ledger.note({ ...held, key, status: 201, answer: key });
  ledger.keepOnly(new Set(["kept"]));

  ledger.note({ ...end("undone"), status: 404, answer: "TRANSFER_NOT_FOUND" });
  assert.deepEqual(ledger.contradictions, []);
  assert.deepEqual([...ledger.acknowledged.keys()], ["kept"]);

  ledger.note({ ...end("kept"), status: 404, answer: "TRANSFER_NOT_FOUND" });
  assert.deepEqual(ledger.contradictions, ["voiding kept-end was refused: TRANSFER_NOT_FOUND"]);
});

test("the audit of the crash campaign sees each kind of damage", async () => {
  await using inbox = await smtpInbox();
  await using broker = await openBroker();
  const env = { BASALT_SMTP_URL: inbox.url, BASALT_ALPACA_URL: broker.url };
  await using served = await serve(env);
  await using folder = await scratch();
  const syncs = await broker.connect(served);
  const driveRoot = await openDrive(served);
  await sell(served, 1, { name: "Crash", skus });
  const accounts = await openBook(served, accountsOfCrash, firstBalance);
  const ledger = openLedger(path.join(folder.path, "ledger.jsonl"));
  const load = startLoad({
    ledger,
    accounts,
    broker,
    syncs,
    folder: driveRoot,
    target: () => served,
    name: "s",
    chances: [1, 2, 3, 4].map((client) => chanceOf(1, client)),
  });
  const told = (kind: Acknowledged["kind"]) =>
    [...ledger.acknowledged.values()].find((one) => one.kind === kind && isDone(one));
  await untilAll(
    () => kinds,
    (kind) => told(kind) !== undefined,
  );
  assert.deepEqual(await load.stop(), []);
  assert.deepEqual(await broker.synced(() => served, syncs), []);

  const deposits = broker.deposits();
  const { connection, sql } = served.opened;
  await makeTrails(connection);
  const outside = { deposits, inbox, receiver: { taken: [] }, contentOf: reader(() => served) };
  const found = { connection, accounts, repeatable: 0, ...outside };
  await until(async () => (await audit(found, ledger)).length === 0);
  const wanted = await schemaOf(connection);
  for (const [damage, complaint] of damages) {
    assert.ok(!(await audit(found, ledger)).some((what) => complaint.test(what)), damage);
    await sql(damage);
    // A projection that lags behind is compared up to where it is, and sees more in a moment.
    await until(async () => (await audit(found, ledger)).some((what) => complaint.test(what)));
  }

  const [first, ...others] = inbox.envelopes;
  const said = async (envelopes: typeof inbox.envelopes) =>
    (await audit({ ...found, inbox: { envelopes } }, ledger)).join("; ");
  assert.match(await said(others), /got no email/);
  assert.match(await said([...inbox.envelopes, first ?? []]), /1 emails were sent again/);

  const receipt = told("receipt");
  ledger.acknowledged.delete(receipt?.key ?? "");
  assert.match((await audit(found, ledger)).join("; "), /receipts acknowledged, \d+ kept/);
  const payment = [...ledger.acknowledged.values()].find(
    (one) => one.kind === "transfer" && isDone(one) && !("holdS" in (one.body as object)),
  );
  ledger.acknowledged.delete(payment?.key ?? "");
  assert.match((await audit(found, ledger)).join("; "), /was acknowledged/);
  const user = told("user");
  assert.ok(user);
  ledger.note({ ...user, status: 409, answer: "USER_ALREADY_EXISTS" });
  assert.match(ledger.contradictions.join("; "), /two answers to .*; user .* was refused/);

  await sql("drop index catalog.reservations_over_key");
  assert.notDeepEqual(await schemaOf(connection), wanted);
});
