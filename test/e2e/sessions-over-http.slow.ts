import assert from "node:assert/strict";
import { test } from "node:test";
import {
  launch,
  postJson,
  scratch,
  signUp,
  type Served,
  type SignedIn,
} from "../support/basalt.ts";
import { testDatabase } from "../support/database.ts";
import { api, me, send } from "../support/http.ts";

const refresh = (served: Pick<Served, "url">, refreshToken: string) =>
  postJson(api(served, "/sessions/refresh"), { refreshToken });

test("a revocation by one process is effective at the next request to another", async () => {
  await using opened = await testDatabase();
  await using folder = await scratch();
  const env = { BASALT_DATABASE_URL: opened.url, BASALT_DATA_DIR: folder.path };
  await using first = launch(["start"], env);
  await first.url; // it makes the administrator and the keys
  await using second = launch(["start"], env);
  const [here, there] = [{ url: await first.url }, { url: await second.url }];
  for (let i = 0; i < 10; i += 1) {
    const ada = await signUp(here, `ada${i}@example.com`);
    const answers = await Promise.all(Array.from({ length: 8 }, () => me(there, ada)));
    assert.ok(answers.every(({ status }) => status === 200));
    await send("DELETE", api(here, `/sessions/${ada.sessionId}`), ada.headers);
    const after = await Promise.all(Array.from({ length: 8 }, () => me(there, ada)));
    assert.ok(after.every(({ status }) => status === 401));
  }
  // Two processes that get the same refresh token at once.
  const bob = await signUp(here, "bob@example.com");
  const answers = await Promise.all(
    Array.from({ length: 32 }, (_, i) => refresh(i % 2 ? here : there, bob.refreshToken)),
  );
  const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as SignedIn[];
  assert.equal(new Set(bodies.map(({ refreshToken }) => refreshToken)).size, 1);
  assert.equal((await refresh(there, bodies[0]?.refreshToken ?? "")).status, 200);
});
