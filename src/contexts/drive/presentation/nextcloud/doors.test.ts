import assert from "node:assert/strict";
import { test } from "node:test";
import { testClock } from "#test/clock.ts";
import { testContext } from "#test/context.ts";
import type { Devices } from "#contexts/identity";
import type { DoorRequest } from "#platform/http/door.ts";
import { systemTimers } from "#platform/system.ts";
import type { Drive } from "../../index.ts";
import { nextcloud } from "./doors.ts";

test("a failure to look up the user is not answered as a path that does not exist", async () => {
  const files = nextcloud({
    drive: {} as Drive,
    clock: testClock(),
    timers: systemTimers,
    addressOf: async () => {
      throw new Error("the database is gone");
    },
    devices: {} as Devices,
    publicUrl: undefined,
  }).find(({ path }) => path === "/remote.php/dav");
  assert.ok(files);
  const request = {
    method: "PROPFIND",
    path: "/files/ada@example.com/",
    at: "/remote.php/dav",
    headers: {},
  } as unknown as DoorRequest;
  const answer = files.answer(request, testContext({ actor: "user_1" }));
  await assert.rejects(answer, /the database is gone/);
});
