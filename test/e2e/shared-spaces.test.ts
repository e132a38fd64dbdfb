import assert from "node:assert/strict";
import { test } from "node:test";
import { asAdmin, bearer, serve, signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { ask, get, post, send, type At, type Json } from "#test/http.ts";

const items = (body: Json) => body["items"] as readonly Json[];

test("two people share a space over HTTP, for as long as both want", async () => {
  await using served = await serve();
  const { url } = served;
  const [ada, bob] = [
    await signUp(served, "ada@example.com"),
    await signUp(served, "bob@example.com"),
  ];
  await verify(served, "ada@example.com", ada);
  const own: At = { url, headers: ada.headers };
  const bobs: At = { url, headers: bob.headers };
  const { body: space } = await post(own, "/drive/spaces", { name: "Ours" });
  const at = `/drive/spaces/${String(space["id"])}`;
  const root = `/drive/nodes/${String(space["rootId"])}`;

  const invited = await post(own, `${at}/invitations`, {
    email: " BOB@Example\u3002com ",
    role: "editor",
  });
  assert.deepEqual([invited.status, invited.body["email"]], [201, "bob@example.com"]);
  const stranger = await post(own, `${at}/invitations`, {
    email: "nobody@example.com",
    role: "editor",
  });
  assert.equal(stranger.status, 201, "whether anybody has an address is not told");
  const acceptance = `/drive/invitations/${String(invited.body["id"])}/acceptance`;
  assert.equal((await post(bobs, acceptance)).status, 403, "the address is not verified yet");

  await verify(served, "bob@example.com", bob);
  const [told] = items((await get(bobs, "/drive/invitations")).body);
  assert.deepEqual([told?.["spaceName"], told?.["role"]], ["Ours", "editor"]);
  assert.equal("email" in (told ?? {}), false);
  assert.equal((await post(bobs, acceptance)).status, 200);
  const seen = { ...space, role: "editor" };
  assert.deepEqual(items((await get(bobs, "/drive/spaces")).body), [seen]);
  assert.equal((await post(bobs, `${root}/folders`, { name: "Bob's" })).status, 201);
  assert.equal((await get(bobs, `${at}/invitations`)).status, 403);

  const key = await post(bobs, `/users/${bob.userId}/api-keys`, {
    name: "reader",
    scopes: ["nodes:read"],
    expiresInDays: 1,
  });
  const reader: At = { url, headers: bearer(String(key.body["token"])) };
  assert.equal((await get(reader, `${root}/children`)).status, 200);
  assert.equal((await post(reader, `${root}/folders`, { name: "No" })).status, 403);

  const member = `${at}/members/${bob.userId}`;
  assert.equal(
    (await ask(own, "PATCH", member, { body: { role: "viewer" } })).body["role"],
    "viewer",
  );
  assert.equal((await post(bobs, `${root}/folders`, { name: "More" })).status, 403);
  assert.equal((await ask(bobs, "PATCH", member, { body: { role: "editor" } })).status, 403);
  const admin = await asAdmin(served);
  const disabled = { status: "disabled" };
  const put = await send(
    "PUT",
    `${url}/api/v1/users/${bob.userId}/status`,
    admin.headers,
    disabled,
  );
  assert.equal(put.status, 200, await put.text());
  assert.equal((await get(reader, `${root}/children`)).status, 401);

  assert.equal((await ask(own, "DELETE", member)).status, 204);
  assert.deepEqual(items((await get(own, `${at}/members`)).body), []);
});
