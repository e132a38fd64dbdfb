import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { pause, within } from "./runtime.ts";
import { systemTimers as timers } from "./system.ts";

test("a pause ends by time or by its signal, and leaves no listener behind", async () => {
  const closing = new AbortController();
  await pause(timers, 1, closing.signal);
  assert.equal(getEventListeners(closing.signal, "abort").length, 0);

  const paused = pause(timers, 60_000, closing.signal);
  closing.abort();
  await paused;
  await pause(timers, 60_000, closing.signal);
  assert.equal(getEventListeners(closing.signal, "abort").length, 0);
});

test("work that takes too long is refused; other work is answered as it ends", async () => {
  assert.equal(await within(timers, 60_000, Promise.resolve("done")), "done");
  await assert.rejects(within(timers, 1, new Promise(() => {})), /not done within 1 ms/);
});
