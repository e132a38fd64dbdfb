import assert from "node:assert/strict";
import { test } from "node:test";
import { signUp } from "#test/basalt.ts";
import { tokenIn } from "#test/emails.ts";
import { get, post } from "#test/http.ts";
import { compositionWith } from "#test/module.ts";
import { memoryWorld, startInMemory } from "#test/on-memory.ts";
import { notes } from "../module.ts";

test("notes work in memory, on virtual time, with the wiring of production", async () => {
  const world = await memoryWorld(1, compositionWith(notes));
  await using served = await startInMemory(world);
  const { userId, headers } = await signUp(served, "ada@example.com");
  const ada = { url: served.url, headers };
  await world.runtime.pass(1_000); // the welcome email leaves
  const token = tokenIn(world.emails()[0]?.text);
  assert.equal((await post(ada, "/verified-emails", { token })).status, 204);
  assert.equal((await post(ada, "/notes", { text: "mine" })).status, 201);

  await world.runtime.pass(60_000); // a minute: consumers and background jobs do their work

  assert.match((await get(ada, `/authors/${userId}/notes`)).text, /"text":"mine"/);
});
