import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serve, signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get, post, type At } from "#test/http.ts";
import { until } from "#test/until.ts";

/** A server on which somebody has a space, and asks for its changes. */
async function openSpace() {
  const served = await serve();
  const ada = await signUp(served, "ada@example.com");
  await verify(served, "ada@example.com", ada);
  const at: At = { url: served.url, headers: ada.headers };
  const { body } = await post(at, "/drive/spaces", { name: "My files" });
  const changes = `/drive/spaces/${String(body["id"])}/changes`;
  const present = async () => String((await get(at, changes)).body["nextCursor"]);
  const wait = async (seconds: number, signal?: AbortSignal) => {
    const cursor = await present();
    return fetch(`${served.url}/api/v1${changes}?cursor=${cursor}&wait=${seconds}`, {
      headers: ada.headers,
      ...(signal ? { signal } : {}),
    });
  };
  const folder = (name: string) =>
    post(at, `/drive/nodes/${String(body["rootId"])}/folders`, { name });
  const streams = async () => {
    const text = await (await fetch(new URL("/metrics", served.url))).text();
    return Number(/^basalt_http_requests_in_flight (\d+)/m.exec(text)?.[1]);
  };
  return { served, at, changes, present, wait, folder, streams };
}
type Opened = Awaited<ReturnType<typeof openSpace>>;

const namesIn = async (answer: Response) => {
  const { items } = (await answer.json()) as { items: readonly { readonly name: string }[] };
  return items.map(({ name }) => name);
};

describe("waiting for changes", () => {
  let space: Opened;
  before(async () => {
    space = await openSpace();
  });
  after(() => space.served[Symbol.asyncDispose]());

  test("answers with a change that comes meanwhile, or at once with one that has come", async () => {
    const { at, changes, present, wait, folder } = space;
    const cursor = await present();
    const waited = wait(60);
    await until(async () => (await present()) === cursor);
    await folder("while somebody waits");
    assert.deepEqual(await namesIn(await waited), ["while somebody waits"]);
    const later = await get(at, `${changes}?cursor=${cursor}&wait=60`);
    assert.equal((later.body["items"] as readonly unknown[]).length, 1);
  });

  test("answers without changes once the time is over, and at once without a cursor", async () => {
    const { at, changes, wait } = space;
    assert.deepEqual(await namesIn(await wait(1)), []);
    const now = await get(at, `${changes}?wait=60`);
    assert.deepEqual([now.status, now.body["items"]], [200, []]);
  });

  test("refuses a longer wait, and a stale cursor before it waits", async () => {
    const { at, changes } = space;
    assert.equal((await get(at, `${changes}?wait=61`)).status, 400);
    const lost = `${changes}?cursor=1.evt_${"0".repeat(26)}&wait=60`;
    assert.equal((await get(at, lost)).status, 410);
  });

  test("lets one user wait eight times, gives the places back, and counts no one as work", async () => {
    const { wait, streams } = space;
    const leaving = new AbortController();
    const waiting = Array.from({ length: 8 }, () =>
      wait(60, leaving.signal).catch(() => undefined),
    );
    await until(async () => {
      const one = await wait(1);
      await one.text();
      return one.status === 503;
    });
    assert.equal(await streams(), 1, "the one who asks for the metrics");
    leaving.abort();
    await Promise.all(waiting);
    await until(async () => (await wait(1)).status === 200);
  });
});

test("a server that stops answers those who wait", async () => {
  const { served, wait, present } = await openSpace();
  const waited = wait(60);
  await present();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await served[Symbol.asyncDispose]();
  assert.deepEqual(await namesIn(await waited), []);
});
