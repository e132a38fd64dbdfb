import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asAdmin, signUp } from "../support/basalt.ts";
import { get, post, sell, send, type At } from "../support/http.ts";
import { tokenIn } from "../support/emails.ts";
import { memoryWorld, startInMemory } from "../support/on-memory.ts";
import { namesOf, stockOf } from "./shop.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const httpOnly = { BASALT_CONSUMERS: "false" };
const holdS = 60;

const hold = (at: At, quantity: number, more?: object) =>
  post(at, "/stock/TS-M/reservations", { quantity, holdS }, more);

describe("Basalt in memory", () => {
  test("serves all contexts with their consumers and jobs, in virtual time", async () => {
    const world = await memoryWorld(1);
    const { runtime, emails } = world;
    await using served = await startInMemory(world);
    const { headers } = await asAdmin(served);
    const shop = { url: served.url, headers };
    const ada = await signUp(served, "ada@example.com");
    await sell(shop, 3);
    await runtime.pass(1_000);

    assert.deepEqual(
      emails().map(({ to, subject }) => `${to}: ${subject}`),
      ["ada@example.com: Welcome to Basalt"],
    );
    assert.deepEqual(await namesOf(shop, "q=red"), ["Red T-Shirt"]);
    const token = tokenIn(emails()[0]?.text);
    const verified = { url: served.url, headers: ada.headers };
    assert.equal((await post(verified, "/verified-emails", { token })).status, 204);

    assert.equal((await hold({ ...shop, headers: ada.headers }, 3)).status, 201);
    assert.equal((await stockOf(shop))?.["available"], 0);
    await runtime.pass(2 * holdS * 1_000);
    assert.equal((await stockOf(shop))?.["available"], 3);
  });

  test("the accounts of an erased user lose their words a week after the deletion", async () => {
    const world = await memoryWorld(9);
    const first = await startInMemory(world, httpOnly);
    const { headers } = await asAdmin(first);
    const keeper = { url: first.url, headers };
    const { userId } = await signUp(first, "ada@example.com");
    const account = { name: "Ada's", type: "cash", currency: "EUR", ownerId: userId };
    const opened = await post(keeper, "/accounts", account);
    assert.equal(opened.status, 201, opened.text);
    const deleted = await send("DELETE", `${first.url}/api/v1/users/${userId}`, headers);
    assert.equal(deleted.status, 204);
    await first[Symbol.asyncDispose]();

    await world.runtime.pass(8 * dayMs);
    await using second = await startInMemory(world);
    await world.runtime.pass(minuteMs);

    const again = { url: second.url, headers: (await asAdmin(second)).headers };
    const { body } = await get(again, `/accounts/${String(opened.body["id"])}`);
    assert.deepEqual([body["name"], body["ownerId"]], ["Erased", userId]);
  });

  test("a process takes over what another has left: data, sessions and background jobs", async () => {
    const world = await memoryWorld(2);
    const { runtime } = world;
    const first = await startInMemory(world);
    const { headers } = await asAdmin(first);
    await sell({ url: first.url, headers }, 5);
    const more = { "idempotency-key": "once" };
    const held = await hold({ url: first.url, headers }, 2, more);
    await first[Symbol.asyncDispose]();

    await using second = await startInMemory(world);
    const shop = { url: second.url, headers };
    assert.equal((await hold(shop, 2, more)).text, held.text);
    assert.equal((await stockOf(shop))?.["available"], 3);
    await runtime.pass(2 * holdS * 1_000);
    assert.equal((await stockOf(shop))?.["available"], 5);
  });

  test("two processes see each other's changes at once, without any time passing", async () => {
    const world = await memoryWorld(4);
    await using first = await startInMemory(world, httpOnly);
    await using second = await startInMemory(world, httpOnly);
    const ada = await signUp(first, "ada@example.com");
    const asked = () => send("GET", `${second.url}/api/v1/users/${ada.userId}`, ada.headers);
    assert.equal((await asked()).status, 200);

    const session = `${first.url}/api/v1/sessions/${ada.sessionId}`;
    assert.equal((await send("DELETE", session, ada.headers)).status, 204);

    assert.equal((await asked()).status, 401);
  });

  test("time does not step back, and a stop ends what waits for it", async () => {
    const world = await memoryWorld(5);
    const { runtime } = world;
    const served = await startInMemory(world);
    await signUp(served, "ada@example.com");
    await Promise.all([runtime.pass(300), runtime.pass(250)]);
    assert.equal(runtime.timers.elapsedMs(), 300);

    await served[Symbol.asyncDispose]();

    assert.ok(runtime.timers.elapsedMs() >= 300);
  });

  test("an idle session ends when its time has passed", async () => {
    const world = await memoryWorld(3);
    await using served = await startInMemory(world, {
      ...httpOnly,
      BASALT_SESSION_IDLE_HOURS: "1",
    });
    const { refreshToken } = await signUp(served, "ada@example.com");
    const refresh = () =>
      send("POST", `${served.url}/api/v1/sessions/refresh`, {}, { refreshToken });

    await world.runtime.pass(60 * minuteMs + 1);

    assert.equal((await refresh()).status, 401);
  });
});
