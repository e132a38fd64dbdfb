import { systemTimers as timers } from "#platform/system.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#test/database.ts";
import { Coherence } from "./coherence.ts";
import { postgresChanges } from "./postgres-changes.ts";

const change = (subject: string) =>
  `with next as (update identity.change_epoch set epoch = epoch + 1 returning epoch)
   insert into identity.changes (epoch, subject) select epoch, '${subject}' from next`;

for (const afterwards of [1, 2])
  test(`forgets what a restore took back, with ${afterwards} changes after it`, async () => {
    await using opened = await testDatabase();
    using coherence = new Coherence({
      changes: postgresChanges(opened.database, "identity"),
      alone: false,
      timers,
    });
    let kept = "before";
    const cache = coherence.cache<{ readonly value: string }>({
      max: 10,
      load: async () => ({ value: kept }),
      subjects: () => ["a"],
    });
    const read = async () => (await cache.get("a")).value;
    await opened.sql(change("other"));
    assert.equal(await read(), "before");
    await opened.sql(change("other"));
    kept = "not told";
    assert.equal(await read(), "before");

    await opened.sql(
      "delete from identity.changes where epoch = (select epoch from identity.change_epoch)",
    );
    await opened.sql("update identity.change_epoch set epoch = epoch - 1");
    kept = "after the restore";
    await opened.sql(change("a"));
    for (let i = 1; i < afterwards; i += 1) await opened.sql(change("other"));
    assert.equal(await read(), "after the restore");
  });
