import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { TextAnswer } from "#platform/http/door.ts";
import { expect } from "#kernel/result.ts";
import { memorySubject, openDrive, piecesOf, type OpenDrive } from "../../testing/fixtures.ts";
import { tus } from "./door.ts";

/** A drive in memory that counts the chunks it reads, and waits at the first until it is let go on. */
function countingReads() {
  const gate = Promise.withResolvers<void>();
  const seen = { reads: 0 };
  const open: OpenDrive = async (clock) => {
    const subject = await memorySubject(clock);
    const { store } = subject;
    return {
      ...subject,
      store: {
        ...store,
        async read(location) {
          seen.reads += 1;
          await gate.promise;
          return store.read(location);
        },
      },
    };
  };
  return { open, seen, letGo: gate.resolve };
}

test("a content is read once, however many requests ask for its file while it is made", async () => {
  const { open, seen, letGo } = countingReads();
  await using house = await openDrive(open);
  const { drive, as, adaId, rootId } = house;
  const door = tus(drive, house.clock);
  const destination = { folderId: rootId, name: "once.txt" };
  const note = JSON.stringify({ door: "tus", destination });
  const { id } = expect(await drive.beginStaging({ length: 6, note }, as(adaId)));
  // The digest of this piece is not known to the request that goes on, as after a restart.
  const first = { stagingId: id, placing: { number: 0 }, bytes: piecesOf(Buffer.from("abc")) };
  expect(await drive.stageBytes(first, as(adaId)));
  const ask = (method: string, headers: object = {}, body = "") =>
    door.answer(
      {
        method,
        path: `/${id}`,
        headers: { "tus-resumable": "1.0.0", ...headers },
        body: Readable.from([Buffer.from(body)]),
        at: "/tus",
        host: "localhost",
        wait: () => undefined,
      },
      as(adaId),
    ) as Promise<TextAnswer>;
  const type = "application/offset+octet-stream";
  const last = ask("PATCH", { "upload-offset": "3", "content-type": type }, "def");
  while (seen.reads === 0) await new Promise(setImmediate);
  const heads = Array.from({ length: 3 }, () => ask("HEAD"));
  await new Promise(setImmediate);
  letGo();
  assert.equal((await last).status, 204);
  for (const { status, headers = {} } of await Promise.all(heads))
    assert.deepEqual([status, headers["upload-offset"]], [200, "6"]);
  assert.equal(seen.reads, 2, "each chunk once");
  assert.deepEqual(await house.names(rootId), ["once.txt"]);
});
