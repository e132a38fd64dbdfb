import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { password, postJson, serve, signUp } from "#test/basalt.ts";
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

  test("wakes nobody who waits for changes of another space", async () => {
    const { served, at, wait, present, changes } = space;
    const { body: other } = await post(at, "/drive/spaces", { name: "Another" });
    const looks = async () => {
      const text = await (await fetch(new URL("/metrics", served.url))).text();
      const count =
        /^basalt_handler_duration_seconds_count\{handler="drive.listChanges",outcome="ok"\} (\d+)/m;
      return Number(count.exec(text)?.[1]);
    };
    const leaving = new AbortController();
    const waiting = Array.from({ length: 5 }, () =>
      wait(60, leaving.signal).catch(() => undefined),
    );
    await present();
    // Those who begin to wait look once more, whenever that is.
    let before = -1;
    for (let now = await looks(); now !== before; now = await looks()) {
      before = now;
      await sleep(300);
    }
    const root = String(other["rootId"]);
    for (let n = 0; n < 20; n += 1)
      await post(at, `/drive/nodes/${root}/folders`, { name: `${n}` });
    await sleep(300);
    const woken = (await looks()) - before;
    assert.ok(woken < 5, `${woken} looks`);
    const cursor = await present();
    const mine = fetch(`${served.url}/api/v1${changes}?cursor=${cursor}&wait=60`, at);
    await space.folder("of this space");
    assert.deepEqual(await namesIn(await mine), ["of this space"]);
    leaving.abort();
    await Promise.all(waiting);
  });

  test("tells nothing to a session that has ended meanwhile", async () => {
    const { served, folder, present, changes } = space;
    const answer = await postJson(`${served.url}/api/v1/sessions`, {
      email: "ada@example.com",
      password,
    });
    const { accessToken } = (await answer.json()) as { readonly accessToken: string };
    const headers = { authorization: `Bearer ${accessToken}` };
    const cursor = await present();
    const waited = fetch(`${served.url}/api/v1${changes}?cursor=${cursor}&wait=60`, { headers });
    await sleep(300);
    const [, claims = ""] = accessToken.split(".");
    const { sid } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { sid: string };
    const ended = `${served.url}/api/v1/sessions/${sid}`;
    assert.equal((await fetch(ended, { method: "DELETE", headers })).status, 204);
    await folder("after the end");
    assert.equal((await waited).status, 401);
  });

  test("lets one user wait eight times, gives the places back, and counts no one as work", async () => {
    const { wait, streams } = space;
    const leaving = new AbortController();
    const told: number[] = [];
    const waiting = Array.from({ length: 9 }, () =>
      wait(60, leaving.signal).then(
        ({ status }) => told.push(status),
        () => {},
      ),
    );
    await until(() => told.length > 0);
    assert.deepEqual(told, [503], "one too many, and at once");
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
  await sleep(300);
  await served[Symbol.asyncDispose]();
  assert.deepEqual(await namesIn(await waited), []);
});
