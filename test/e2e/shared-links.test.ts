import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serve, signUp, type Served, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { post } from "#test/http.ts";

describe("links over HTTP", () => {
  let served: Served;
  let ada: SignedIn;
  let fileId: string;
  let rootId: string;
  before(async () => {
    served = await serve({ BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT: "5" });
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const at = { url: served.url, headers: ada.headers };
    const { body } = await post(at, "/drive/spaces", { name: "My files" });
    rootId = String(body["rootId"]);
    const answer = await fetch(`${served.url}/api/v1/drive/nodes/${rootId}/files?name=one.html`, {
      method: "POST",
      body: "<script>alert(1)</script>",
      headers: { ...ada.headers, "content-type": "application/octet-stream" },
    });
    ({ id: fileId } = (await answer.json()) as { id: string });
  });
  after(() => served[Symbol.asyncDispose]());

  async function linked(more: object = {}, nodeId = fileId) {
    const at = { url: served.url, headers: ada.headers };
    const { status, body } = await post(at, `/drive/nodes/${nodeId}/links`, more);
    assert.equal(status, 201, JSON.stringify(body));
    assert.equal("passwordHash" in body, false);
    return { id: String(body["id"]), token: String(body["token"]) };
  }
  const follow = (token: string, more = "") =>
    fetch(`${served.url}/api/v1/drive/shared/${token}${more}`);
  const visit = (token: string, password: string) =>
    fetch(`${served.url}/api/v1/drive/shared/${token}/visits`, {
      method: "POST",
      body: JSON.stringify({ password }),
      headers: { "content-type": "application/json" },
    });

  test("a stranger drops a file, and is told nothing of what is there", async () => {
    const { token } = await linked({ allows: "drop" }, rootId);
    const opened = (await (await follow(token)).json()) as Record<string, unknown>;
    assert.deepEqual([opened["kind"], opened["allows"]], ["folder", "drop"]);
    const drop = (name: string, body: string, headers: object = {}) =>
      fetch(`${served.url}/api/v1/drive/shared/${token}/files?name=${name}`, {
        method: "POST",
        body,
        headers: { "content-type": "application/octet-stream", ...headers },
      });
    for (let i = 0; i < 2; i += 1) {
      const answer = await drop("one.html", "dropped");
      assert.equal(answer.status, 201);
      assert.deepEqual(Object.keys((await answer.json()) as object).toSorted(), ["hash", "size"]);
    }
    assert.equal((await drop("..", "x")).status, 422);
    const listed = await fetch(`${served.url}/api/v1/drive/nodes/${rootId}/children`, {
      headers: ada.headers,
    });
    const { items } = (await listed.json()) as { items: readonly { readonly name: string }[] };
    assert.deepEqual(
      items.map(({ name }) => name),
      ["one (2).html", "one (3).html", "one.html"],
    );
    for (const path of ["/children", "/content"])
      assert.equal((await follow(token, path)).status, 403, path);
  });

  test("a stranger downloads what a link opens, as a file that cannot run, until it is revoked", async () => {
    const { id, token } = await linked();
    const seen = (await (await follow(token)).json()) as Record<string, unknown>;
    assert.deepEqual([seen["name"], seen["size"]], ["one.html", 25]);
    assert.ok(!("spaceId" in seen || "parentId" in seen), "no more than is needed");
    const answer = await follow(token, "/content");
    assert.equal(await answer.text(), "<script>alert(1)</script>");
    assert.match(answer.headers.get("content-disposition") ?? "", /^attachment/);
    assert.equal(answer.headers.get("content-security-policy"), "sandbox; default-src 'none'");
    const revoked = await fetch(`${served.url}/api/v1/drive/links/${id}`, {
      method: "DELETE",
      headers: ada.headers,
    });
    assert.equal(revoked.status, 204);
    for (const path of ["", "/content", "/children"])
      assert.equal((await follow(token, path)).status, 404, path);
  });

  test("guessing at the password of a link stops; who has it visits the link", async () => {
    const { token } = await linked({ password: "open sesame" });
    assert.equal((await follow(token, "/content")).status, 403);
    const visited = await visit(token, "open sesame");
    assert.equal(visited.status, 201);
    const { visit: text } = (await visited.json()) as { visit: string };
    assert.equal((await follow(token, `/content?visit=${text}`)).status, 200);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i += 1) statuses.push((await visit(token, `open barley ${i}`)).status);
    assert.ok(statuses.includes(403) && statuses.at(-1) === 429, statuses.join());
    assert.equal((await visit(token, "open sesame")).status, 429);
    assert.equal(
      (await visit((await linked({ password: "another one" })).token, "another one")).status,
      201,
    );
  });

  test("of 100 who ask at once for the last downloads, so many as are allowed get them", async () => {
    const { token } = await linked({ maxDownloads: 3 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => follow(token, "/content")));
    const statuses = answers.map(({ status }) => status);
    await Promise.all(answers.map((answer) => answer.text()));
    assert.equal(statuses.filter((status) => status === 200).length, 3, statuses.join());
    assert.ok(
      statuses.every((status) => [200, 409, 410, 429, 503].includes(status)),
      statuses.join(),
    );
    assert.equal((await follow(token, "/content")).status, 410);
  });
});
