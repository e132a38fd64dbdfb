import assert from "node:assert/strict";
import { test } from "node:test";
import { WakeUp } from "#platform/events/wake-up.ts";
import type { DoorRequest, TextAnswer } from "#platform/http/door.ts";
import { createSecrets } from "#platform/secrets/secrets.ts";
import { systemTimers as timers } from "#platform/system.ts";
import { expect } from "#kernel/result.ts";
import { memorySubject, openDrive, piecesOf } from "../../testing/fixtures.ts";
import { dropbox } from "./door.ts";

test("a session whose content is there already is ended, and so is one whose start is refused", async () => {
  await using house = await openDrive(memorySubject);
  const { drive, clock, linkTokens, as, adaId, subject } = house;
  const doors = dropbox({
    drive,
    clock,
    linkTokens,
    secrets: createSecrets([Buffer.alloc(32, 1)]),
    toldOf: () => ({ wakeUp: new WakeUp(timers), timers }),
    publicUrl: undefined,
    addressOf: async () => undefined,
  });
  async function call(name: string, args: object, body: string) {
    const door = doors.find(({ path }) => path === "/dropbox/2/files/upload_session");
    assert.ok(door);
    const request: DoorRequest = {
      method: "POST",
      path: `/${name}`,
      headers: { "dropbox-api-arg": JSON.stringify(args) },
      body: piecesOf(Buffer.from(body)),
      at: door.path,
      host: "localhost",
      wait: () => undefined,
    };
    const { status, text } = (await door.answer(request, as(adaId))) as TextAnswer;
    assert.ok(typeof text === "string");
    return { status, body: JSON.parse(text) as Readonly<Record<string, unknown>> };
  }
  const open = () => subject.read(as(adaId), ({ stagings }) => stagings.openOf(adaId, clock.now()));
  expect(await house.file(house.rootId, "equal.txt", Buffer.from("same")));
  const { body } = await call("start", {}, "same");
  assert.equal((await open()).count, 1);
  const cursor = { session_id: body["session_id"], offset: 4 };
  const finished = await call("finish", { cursor, commit: { path: "/My files/equal.txt" } }, "");
  assert.equal(finished.status, 200);
  assert.equal((await open()).count, 0);
  assert.equal((await call("start", { content_hash: "0".repeat(64) }, "x")).status, 409);
  assert.equal((await open()).count, 0);
});
