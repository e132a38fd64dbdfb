import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { openBank, type OpenAccounts } from "../testing/fixtures.ts";
import { postgresSubject, type PostgresAccounts } from "../testing/on-postgres.ts";
import { verifyLedger } from "./verify-ledger.ts";

async function bankOnPostgres() {
  let subject: PostgresAccounts | undefined;
  const open: OpenAccounts = async (clock) => (subject = await postgresSubject(clock));
  const bank = await openBank(open);
  const { opened: onDisk } = subject ?? assert.fail();
  /** As a superuser: no trigger fires. */
  const unguarded = (text: string) => onDisk.sql(`set session_replication_role = replica; ${text}`);
  return { ...bank, onDisk, unguarded };
}

test("a book that was tampered with does not add up, wherever it was", async () => {
  await using bank = await bankOnPostgres();
  const { onDisk, unguarded } = bank;
  const [from, to] = [await bank.opened(bank.adaId), await bank.opened(bank.bobId)];
  const entry = await bank.fund(from.id, "10");
  const { transfer } = expect(await bank.pay(bank.adaId, from.id, to.id, "4"));
  const paid = transfer.status === "posted" ? transfer.entryId : "";
  const { transfer: held } = expect(await bank.pay(bank.adaId, from.id, to.id, "1", { holdS: 60 }));
  const intact = await verifyLedger(onDisk.database);
  assert.deepEqual({ ...intact, head: "" }, { intact: true, entries: 2, accounts: 3, head: "" });

  const first = `account_id = '${from.id}' and sequence = 1`;
  for (const [sql, undo, broken] of [
    [
      `update accounts.movements set amount = amount + 1 where ${first}`,
      `update accounts.movements set amount = amount - 1 where ${first}`,
      { what: "entry", id: entry.id, why: "its postings do not sum to zero" },
    ],
    [
      `update accounts.movements set posted_after = posted_after + 1 where ${first}`,
      `update accounts.movements set posted_after = posted_after - 1 where ${first}`,
      {
        what: "account",
        id: from.id,
        sequence: 1,
        why: "a movement does not follow from those before it",
      },
    ],
    [
      `update accounts.accounts set posted = posted + 1 where id = '${to.id}'`,
      `update accounts.accounts set posted = posted - 1 where id = '${to.id}'`,
      { what: "account", id: to.id, why: "its balance is not the sum of its postings" },
    ],
    [
      `update accounts.accounts set held = held + 1 where id = '${from.id}'`,
      `update accounts.accounts set held = held - 1 where id = '${from.id}'`,
      { what: "account", id: from.id, why: "what it holds is not the sum of its holds" },
    ],
    [
      `insert into accounts.days values ('${to.id}', '2027-01-31', 1)`,
      `delete from accounts.days where account_id = '${to.id}'`,
      {
        what: "account",
        id: to.id,
        why: "what counts on other days is not what its entries say",
      },
    ],
    [
      `insert into accounts.movements select account_id, n + 1, recorded_at, date, 'entry_none', n, null, currency, 3 - 2 * n, 0,
         posted_after + 2 - n, 0 from accounts.movements, generate_series(1, 2) n where account_id = '${to.id}';
       update accounts.accounts set movements = 3 where id = '${to.id}'`,
      `delete from accounts.movements where entry_id = 'entry_none';
       update accounts.accounts set movements = 1 where id = '${to.id}'`,
      { what: "entry", id: "entry_none", why: "its movements have no entry" },
    ],
    [
      `update accounts.transfers set status = 'voided' where status = 'pending'`,
      `update accounts.transfers set status = 'pending' where status = 'voided'`,
      { what: "transfer", id: held.id, why: "what it holds is not what its status says" },
    ],
    [
      `update accounts.transfers set entry_id = 'entry_none' where status = 'posted'`,
      `update accounts.transfers t set entry_id = e.id from accounts.entries e where e.transfer_id = t.id`,
      { what: "entry", id: paid, why: "its transfer does not say so" },
    ],
    [
      `update accounts.transfers set moved = '[]' where status = 'posted'`,
      `update accounts.transfers set moved = legs where status = 'posted'`,
      { what: "entry", id: paid, why: "its transfer does not say so" },
    ],
    [
      `update accounts.entries set tags = '{forged}' where id = '${entry.id}'`,
      `update accounts.entries set tags = '{}' where id = '${entry.id}'`,
      { what: "entry", id: entry.id, link: 1, why: "its entry was changed" },
    ],
    [
      `update accounts.movements set recorded_at = recorded_at - interval '1 ms' where sequence = 1`,
      `update accounts.movements set recorded_at = recorded_at + interval '1 ms' where sequence = 1`,
      { what: "entry", id: entry.id, link: 1, why: "its entry was changed" },
    ],
    [
      `update accounts.chain set number = -1 where number = 1`,
      `update accounts.chain set number = 1 where number = -1`,
      { what: "entry", id: "", link: 1, why: "the link is missing" },
    ],
  ] as const) {
    await unguarded(sql);
    assert.deepEqual(await verifyLedger(onDisk.database), { intact: false, broken });
    await unguarded(undo);
  }
  assert.equal((await verifyLedger(onDisk.database)).intact, true);
});

test("entries that were cut off, put in or moved are missed by the chain over them", async () => {
  await using bank = await bankOnPostgres();
  const { onDisk, unguarded } = bank;
  const { id } = await bank.opened(bank.adaId);
  await bank.fund(id, "1");
  const last = await bank.fund(id, "2");
  const noted = await verifyLedger(onDisk.database);
  const [number = "", hash = ""] = noted.intact ? noted.head.split(":") : [];
  const head = { number: Number(number), hash };
  assert.equal(head.number, 2);
  await bank.fund(id, "3");
  assert.equal((await verifyLedger(onDisk.database, head)).intact, true);

  const other = { number: 1, hash };
  const [first] = (await onDisk.sql("select entry_id from accounts.chain where number = 1")) as {
    entry_id: string;
  }[];
  assert.deepEqual(await verifyLedger(onDisk.database, other), {
    intact: false,
    broken: {
      what: "entry",
      id: first?.entry_id,
      link: 1,
      why: "its hash is not the expected one: it, or an entry before it, was changed",
    },
  });

  const copy = `insert into accounts.entries select 'entry_beside', date, memo, tags, reverses, transfer_id, exchange
      from accounts.entries where id = '${last.id}';
    insert into accounts.movements select account_id, sequence + 100, recorded_at, date, 'entry_beside', line, null,
      currency, amount, held, posted_after, held_after from accounts.movements where entry_id = '${last.id}'`;
  await unguarded(copy);
  const added = await verifyLedger(onDisk.database);
  assert.equal(added.intact, false);
  await unguarded(`delete from accounts.entries where id = 'entry_beside';
    delete from accounts.movements where entry_id = 'entry_beside'`);

  const accounts = `select account_id, posted_after - amount as posted from accounts.movements where sequence = 2`;
  await unguarded(`update accounts.accounts a set posted = m.posted, movements = 1 from (${accounts}) m where a.id = m.account_id;
    delete from accounts.movements where sequence > 1;
    delete from accounts.entries where id >= '${last.id}';
    delete from accounts.chain where number > 1; delete from accounts.events where position > 3`);
  assert.deepEqual(await verifyLedger(onDisk.database, head), {
    intact: false,
    broken: {
      what: "entry",
      id: "",
      link: 2,
      why: "the chain ends before it, and link 2 was expected: newer entries were removed, or the head is of another database",
    },
  });
  assert.equal((await verifyLedger(onDisk.database)).intact, true, "which only a noted head tells");
});

test("positions that were lost and are drawn again, and an event that is there twice, leave no entry without a link", async () => {
  await using bank = await bankOnPostgres();
  const { onDisk, unguarded } = bank;
  const { id } = await bank.opened(bank.adaId);
  const first = await bank.fund(id, "1");
  await onDisk.sql(
    "begin; select nextval('accounts.positions') from generate_series(1, 5); rollback",
  );
  assert.equal((await verifyLedger(onDisk.database)).intact, true);
  await onDisk.sql(
    "select setval('accounts.positions', (select max(position) from accounts.events))",
  );
  await bank.fund(id, "2");
  await unguarded(`insert into accounts.events (stream, version, id, type, schema_version, payload, metadata, occurred_at)
    select 'twice', 1, 'evt_twice', type, schema_version, payload, metadata, occurred_at
      from accounts.events where stream = '${first.id}'`);
  await bank.fund(id, "3");
  const verdict = await verifyLedger(onDisk.database);
  assert.deepEqual({ ...verdict, head: "" }, { intact: true, entries: 3, accounts: 2, head: "" });
});

test("an entry that no event tells of has no link", async () => {
  await using bank = await bankOnPostgres();
  const { onDisk, unguarded } = bank;
  const { id } = await bank.opened(bank.adaId);
  await bank.fund(id, "1");
  assert.equal((await verifyLedger(onDisk.database)).intact, true);
  const beside = await bank.fund(id, "2");
  await unguarded(`delete from accounts.events where payload->>'entryId' = '${beside.id}'`);
  assert.deepEqual(await verifyLedger(onDisk.database), {
    intact: false,
    broken: { what: "entry", id: beside.id, why: "it has no link" },
  });
});

test("the application links entries by the function alone", async () => {
  await using bank = await bankOnPostgres();
  const { onDisk } = bank;
  await onDisk.sql(`do $$ begin
    if not exists (select from pg_roles where rolname = 'basalt_tester') then create role basalt_tester; end if;
  end $$;
  grant usage on schema accounts to basalt_tester;
  grant select, insert, update on accounts.chain, accounts.chained to basalt_tester`);
  const asApplication = (sql: string) => onDisk.sql(`set role basalt_tester; ${sql}`);
  const link = "insert into accounts.chain values (1, 'entry_x', '')";
  await assert.rejects(asApplication(link), /chain is written by a function alone/);
  const mark = "update accounts.chained set position = 9";
  await assert.rejects(asApplication(mark), /chained is written by a function alone/);
});
