import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get, post } from "#test/http.ts";
import { hrefsIn, openWebDav, type WebDav } from "#test/webdav.ts";

describe("who may use WebDAV, and what means to harm it", () => {
  let house: WebDav;
  before(async () => (house = await openWebDav()));
  after(() => house[Symbol.asyncDispose]());

  test("a key that only reads changes nothing, and one that is revoked ends at once", async () => {
    await house.dav("PUT", house.here("/read.txt"), { body: "1" });
    const reading = { authorization: await house.basic(house.ada, ["spaces:read", "nodes:read"]) };
    assert.equal(await house.statusOf("GET", house.here("/read.txt"), reading), 200);
    assert.equal(
      await house.statusOf("PUT", house.here("/read.txt"), { ...reading, body: "2" }),
      403,
    );
    assert.equal(
      await house.statusOf("PUT", house.here("/new.txt"), { ...reading, body: "2" }),
      403,
    );
    assert.equal(await house.statusOf("DELETE", house.here("/read.txt"), reading), 403);
    assert.equal(await house.statusOf("MKCOL", house.here("/new"), reading), 403);
    assert.equal((await house.locked(house.here("/read.txt"), reading)).status, 403);
    const { body } = await get(house.at(house.ada), `/users/${house.ada.userId}/api-keys`);
    const [newest] = body["items"] as readonly { readonly id: string }[];
    const revoked = await fetch(`${house.served.url}/api/v1/api-keys/${newest?.id}`, {
      method: "DELETE",
      headers: house.ada.headers,
    });
    assert.equal(revoked.status, 204);
    assert.equal(await house.statusOf("GET", house.here("/read.txt"), reading), 401);
  });

  test("XML that means to harm is refused by every method that reads it", async () => {
    await house.dav("PUT", house.here("/x.txt"), { body: "1" });
    const laughs = `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><propfind xmlns="DAV:"><prop>&b;</prop></propfind>`;
    const deep = `<propfind xmlns="DAV:">${"<a>".repeat(10_000)}`;
    for (const method of ["PROPFIND", "PROPPATCH", "LOCK"]) {
      for (const body of [laughs, deep, "<propfind", `<unknown xmlns="DAV:"/>`])
        assert.equal(
          await house.statusOf(method, house.here("/x.txt"), { body }),
          400,
          `${method} ${body.slice(0, 60)}`,
        );
      const large = { body: `<propfind xmlns="DAV:">${" ".repeat(10_000_000)}</propfind>` };
      assert.equal(
        await house.statusOf(method, house.here("/x.txt"), large).catch(() => 413),
        413,
        method,
      );
    }
    const infinite = await house.dav("PROPFIND", house.here("/"), { depth: "infinity" });
    assert.equal(infinite.status, 403);
    assert.match(infinite.text, /propfind-finite-depth/);
    assert.equal(await house.statusOf("PROPFIND", house.here("/"), { depth: "2" }), 400);
    assert.equal(await house.statusOf("GET", "/%E0%A4"), 400);
    assert.equal(
      await house.statusOf("GET", house.here("/%2541")),
      404,
      "encoded twice is another name",
    );
    assert.equal(await house.statusOf("GET", house.here("/../../etc/passwd")), 404);
    assert.equal(await house.statusOf("GET", house.here("/a%2Fb")), 400);
  });

  test("a small request that would grow in memory or in its answer is refused", async () => {
    await house.dav("PUT", house.here("/x.txt"), { body: "1" });
    const long = "u".repeat(950_000);
    const set = (inside: string) =>
      `<propertyupdate xmlns="DAV:"><set><prop>${inside}</prop></set></propertyupdate>`;
    const nested = `<n:a xmlns:n="${long}&amp;">${"<n:b/>".repeat(4_000)}</n:a>`;
    const asked = `<propfind xmlns="DAV:"><prop>${Array.from({ length: 300 }, (_, i) => `<a${i}/>`).join("")}</prop></propfind>`;
    const wide = Array.from({ length: 90 }, (_, i) => `<a${i} xmlns="${"u".repeat(900)}"/>`);
    const many = Array.from({ length: 1_001 }, (_, i) => `<a${i} xmlns="urn:x"/>`);
    const statuses = [
      await house.statusOf("PROPPATCH", house.here("/x.txt"), { body: set(nested) }),
      await house.statusOf("PROPPATCH", house.here("/x.txt"), { body: set(many.join("")) }),
      await house.statusOf("PROPFIND", house.here("/"), { body: asked }),
      await house.statusOf("PROPFIND", house.here("/"), {
        body: `<propfind xmlns="DAV:"><prop>${wide.join("")}</prop></propfind>`,
      }),
    ];
    assert.deepEqual(statuses, [400, 413, 413, 413]);
  });

  test("an encoded slash is no part of a name, and a request may name the whole address", async () => {
    await house.dav("MKCOL", house.here("/S"));
    await house.dav("PUT", house.here("/S/f"), { body: "old" });
    await house.dav("PUT", house.here("/new"), { body: "new" });
    for (const method of ["MOVE", "COPY"]) {
      const destination = `${house.to(house.here("/S"))}%2Ff`;
      assert.equal(await house.statusOf(method, house.here("/new"), { destination }), 400);
    }
    assert.equal((await house.dav("GET", house.here("/S/f"))).text, "old");
    const { hostname, port } = new URL(house.served.url);
    const socket = net.connect(Number(port), hostname);
    const answer = new Promise<string>((resolve) => {
      let all = "";
      socket.on("data", (piece) => (all += String(piece))).on("close", () => resolve(all));
    });
    socket.write(
      `GET ${house.to(house.here("/S/f"))} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${house.authorization}\r\nconnection: close\r\n\r\n`,
    );
    assert.match(await answer, /^HTTP\/1.1 200 [^]*old$/);
    const post = await house.dav("POST", house.here("/S/f"));
    assert.equal(post.status, 405);
    assert.match(post.headers.get("allow") ?? "", /PROPFIND/);
    assert.match((await house.dav("GET", house.here("/S"))).headers.get("allow") ?? "", /PROPFIND/);
  });

  test("spaces are found by their ids before their names, and made elsewhere", async () => {
    const other = await signUp(house.served, "other@example.com");
    await verify(house.served, "other@example.com", other);
    const hers = { authorization: await house.basic(other) };
    const first = await post(house.at(other), "/drive/spaces", { name: "Work" });
    const id = String(first.body["id"]);
    await post(house.at(other), "/drive/spaces", { name: id });
    await post(house.at(other), "/drive/spaces", { name: "work" });
    assert.equal(await house.statusOf("PUT", `/${id}/x.txt`, { ...hers, body: "1" }), 201);
    assert.equal((await house.dav("GET", "/Work/x.txt", hers)).text, "1");
    const hrefs = hrefsIn((await house.dav("PROPFIND", "/", hers)).text);
    assert.deepEqual([hrefs.length, new Set(hrefs).size], [4, 4], hrefs.join());
    for (const [method, path] of [
      ["MKCOL", "/New"],
      ["PUT", "/new.txt"],
    ] as const)
      assert.equal(await house.statusOf(method, path, hers), 403, method);
    const blind = { authorization: await house.basic(other, ["nodes:read"]) };
    assert.equal(await house.statusOf("PROPFIND", "/", blind), 403, "it would look empty");
    assert.equal((await house.dav("GET", "/Work/x.txt", blind)).text, "1");
    const wrong = { authorization: await house.basic(other, ["spaces:read"]) };
    assert.equal(await house.statusOf("GET", "/Work/x.txt", wrong), 403);
  });

  test("asks for a password, and stops those who guess", async () => {
    const open = await fetch(house.to("/"), { method: "OPTIONS" });
    assert.deepEqual([open.status, open.headers.get("dav")], [200, "1, 2, 3, extended-mkcol"]);
    const none = await fetch(house.to("/"), { method: "PROPFIND" });
    assert.equal(none.status, 401);
    assert.match(none.headers.get("www-authenticate") ?? "", /^Basic realm="basalt"/);
    const bearer = { authorization: house.ada.headers["authorization"] };
    assert.equal(await house.statusOf("PROPFIND", "/", bearer), 207);
    const wrong = { authorization: `Basic ${btoa("ada@example.com:guess")}` };
    const outcomes = new Set<number>();
    for (let i = 0; i < 30; i += 1) outcomes.add(await house.statusOf("PROPFIND", "/", wrong));
    assert.deepEqual([...outcomes], [401, 429]);
    assert.equal(await house.statusOf("PROPFIND", "/"), 207, "who has the key is let in");
    const api = await fetch(`${house.served.url}/api/v1/drive/spaces`, {
      headers: { authorization: house.authorization },
    });
    assert.equal(api.status, 401, "a browser that keeps the password sends it nowhere else");
  });
});
