import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { Version } from "#kernel/version.ts";
import { afterMinutes as at, newId, start } from "#test/values.ts";
import { types } from "../testing/events.ts";
import { ImportId } from "./ids.ts";
import { Import, noRows } from "./import.ts";

describe("an import", () => {
  test("is received with all its rows, and finished once", () => {
    const arriving = {
      ...({ id: newId(ImportId), kind: "stock", isDryRun: false, status: "arriving" } as const),
      receivedAt: start,
      rows: 0,
      tally: noRows,
      version: Version.none,
    };
    const received = Import.received(arriving, 3, { encoding: "utf-8", separator: ";" });
    assert.deepEqual([received.state.status, received.state.rows], ["waiting", 3]);
    assert.deepEqual(types(received.events), ["catalog.import-received"]);
    const finished = Import.finish(saved(received), at(1));
    assert.deepEqual(finished.state, { ...saved(received), status: "finished", finishedAt: at(1) });
    assert.deepEqual(types(finished.events), ["catalog.import-finished"]);
    const again = Import.finish(saved(finished), at(2));
    assert.deepEqual(again, { state: saved(finished), events: [] });
  });
});
