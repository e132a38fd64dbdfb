import assert from "node:assert/strict";
import net from "node:net";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get } from "#test/http.ts";
import { hrefsIn, lockInfo, openWebDav, statusesIn, type WebDav } from "#test/webdav.ts";

describe("files and folders over WebDAV", () => {
  let house: WebDav;
  before(async () => (house = await openWebDav()));
  after(() => house[Symbol.asyncDispose]());

  test("lists spaces, folders and files, of the caller alone", async () => {
    assert.equal(await house.statusOf("MKCOL", house.here("/Lists")), 201);
    assert.equal(
      await house.statusOf("PUT", house.here("/Lists/%C3%BC%20%26%25.txt"), { body: "four" }),
      201,
    );
    const home = await house.dav("PROPFIND", "/", { depth: "1" });
    assert.equal(home.status, 207);
    assert.match(home.headers.get("content-type") ?? "", /^application\/xml; charset=utf-8$/);
    assert.deepEqual(hrefsIn(home.text), ["/dav/", "/dav/My%20files/"]);
    const folder = await house.dav("PROPFIND", house.here("/Lists/"), { depth: "1" });
    assert.deepEqual(hrefsIn(folder.text), [
      "/dav/My%20files/Lists/",
      "/dav/My%20files/Lists/%C3%BC%20%26%25.txt",
    ]);
    assert.match(folder.text, /<D:getcontentlength>4</);
    assert.match(folder.text, /<D:displayname>ü &amp;%.txt</);
    assert.equal(
      hrefsIn((await house.dav("PROPFIND", house.here("/Lists"), { depth: "0" })).text).length,
      1,
    );
    assert.equal(
      hrefsIn((await house.dav("PROPFIND", house.here("/Lists"))).text).length,
      2,
      "no depth",
    );

    const eve = await signUp(house.served, "eve@example.com");
    await verify(house.served, "eve@example.com", eve);
    const hers = { authorization: await house.basic(eve) };
    assert.deepEqual(hrefsIn((await house.dav("PROPFIND", "/", hers)).text), ["/dav/"]);
    for (const method of ["PROPFIND", "GET", "DELETE", "LOCK", "PROPPATCH", "COPY", "MOVE"]) {
      const body = method === "LOCK" ? { body: lockInfo() } : {};
      const patch = {
        body: '<propertyupdate xmlns="DAV:"><set><prop><a xmlns="urn:x"/></prop></set></propertyupdate>',
      };
      const more = {
        ...hers,
        ...body,
        ...(method === "PROPPATCH" ? patch : {}),
        destination: house.to("/x"),
      };
      const answer = await house.dav(method, house.here("/Lists"), more);
      assert.equal(answer.status, method === "LOCK" ? 409 : 404, `${method} ${answer.text}`);
    }
  });

  test("a file is written, read in parts and replaced, and its tag tells one content from another", async () => {
    const bytes = randomBytes(200_000);
    const first = await house.dav("PUT", house.here("/a.bin"), { body: bytes });
    const tag = first.headers.get("etag") ?? "";
    assert.equal(first.status, 201);
    const part = await house.dav("GET", house.here("/a.bin"), { range: "bytes=0-3" });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, "bytes 0-3/200000"]);
    assert.equal(await house.statusOf("GET", house.here("/a.bin"), { "if-none-match": tag }), 304);
    const head = await house.dav("HEAD", house.here("/a.bin"));
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, "200000"]);

    assert.equal(
      await house.statusOf("PUT", house.here("/a.bin"), { body: "x", "if-none-match": "*" }),
      412,
    );
    assert.equal(
      await house.statusOf("PUT", house.here("/a.bin"), { body: "x", "if-match": '"b.1"' }),
      412,
    );
    const second = await house.dav("PUT", house.here("/a.bin"), { body: "x", "if-match": tag });
    assert.equal(second.status, 204);
    assert.notEqual(second.headers.get("etag"), tag);
    assert.equal(await house.statusOf("DELETE", house.here("/a.bin"), { "if-match": tag }), 412);
    assert.equal(await house.statusOf("DELETE", house.here("/a.bin")), 204);
    assert.equal(await house.statusOf("PUT", house.here("/a.bin"), { body: "another file" }), 201);
    const again = await house.dav("GET", house.here("/a.bin"), { "if-none-match": tag });
    assert.deepEqual([again.status, again.text], [200, "another file"]);
    assert.equal(again.headers.get("content-security-policy"), "sandbox; default-src 'none'");
  });

  test("a file put by this way is there by the other one, with the same revision and time", async () => {
    const more = { body: "one", "x-oc-mtime": "1580688000" };
    const put = await house.dav("PUT", house.here("/shared.txt"), more);
    assert.equal(put.headers.get("x-oc-mtime"), "accepted");
    const found = await get(house.at(house.ada), `/drive/nodes/${house.rootId}/children`);
    const items = found.body["items"] as readonly Record<string, unknown>[];
    const file = items.find(({ name }) => name === "shared.txt");
    assert.deepEqual([file?.["revision"], file?.["modifiedAt"]], [1, "2020-02-03T00:00:00.000Z"]);
    const revised = await fetch(
      `${house.served.url}/api/v1/drive/nodes/${String(file?.["id"])}/content`,
      {
        method: "PUT",
        headers: {
          ...house.ada.headers,
          "if-match": '"r1"',
          "content-type": "application/octet-stream",
        },
        body: "two",
      },
    );
    assert.equal(revised.status, 200);
    assert.equal((await house.dav("GET", house.here("/shared.txt"))).text, "two");
  });

  test("those who write without conditions at the same time all succeed, and every content is a revision", async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => `content ${i}`);
    const writers = bodies.map((body) => house.statusOf("PUT", house.here("/raced.txt"), { body }));
    const statuses = await Promise.all(writers);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [201, 204, 204, 204, 204, 204, 204, 204],
    );
    const found = await get(house.at(house.ada), `/drive/nodes/${house.rootId}/children`);
    const items = found.body["items"] as readonly Record<string, unknown>[];
    const raced = items.filter(({ name }) => name === "raced.txt");
    assert.deepEqual(
      raced.map(({ revision }) => revision),
      [8],
    );
  });

  test("a body that is shorter than macOS has said leaves no file", async () => {
    const short = { body: "x", "x-expected-entity-length": "5" };
    assert.equal(await house.statusOf("PUT", house.here("/short.txt"), short), 400);
    assert.equal(await house.statusOf("GET", house.here("/short.txt")), 404);
    const exact = { body: "12345", "x-expected-entity-length": "5" };
    assert.equal(await house.statusOf("PUT", house.here("/short.txt"), exact), 201);
    assert.equal(await house.statusOf("PUT", house.here("/._short.txt"), { body: "" }), 201);
    for (const type of ["x", ";;;", "text/plain; charset"]) {
      const odd = { body: "12", "content-type": type };
      assert.equal(
        await house.statusOf("PUT", house.here("/typed.txt"), odd),
        type === "x" ? 201 : 204,
        type,
      );
    }
    const ranged = { body: "x", "content-range": "bytes 0-0/5" };
    assert.equal(await house.statusOf("PUT", house.here("/short.txt"), ranged), 400);
  });

  test("a client that dies in the midst of a body leaves no file", async () => {
    const { hostname, port } = new URL(house.served.url);
    const socket = net.connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(
      `PUT /dav/My%20files/dead.txt HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${house.authorization}\r\ncontent-length: 1000\r\n\r\nhalf`,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await house.statusOf("GET", house.here("/dead.txt")), 404);
  });

  test("folders are made, copied and moved, and what is in the way goes only where that is allowed", async () => {
    assert.equal(await house.statusOf("MKCOL", house.here("/F")), 201);
    assert.equal(await house.statusOf("MKCOL", house.here("/F")), 405);
    assert.equal(await house.statusOf("MKCOL", house.here("/none/G")), 409);
    assert.equal(
      await house.statusOf("MKCOL", house.here("/H"), { body: "x", "content-type": "text/plain" }),
      415,
    );
    assert.equal(await house.statusOf("PUT", house.here("/F/one"), { body: "1" }), 201);
    assert.equal(await house.statusOf("PUT", house.here("/none/one"), { body: "1" }), 409);
    assert.equal(await house.statusOf("PUT", house.here("/F"), { body: "1" }), 405);
    assert.equal(await house.statusOf("PUT", house.here("/F/one/below"), { body: "1" }), 409);
    assert.equal(await house.statusOf("PUT", house.here("/F/nul.txt"), { body: "1" }), 403);

    const go = (method: string, from: string, path: string, more: object = {}) =>
      house.statusOf(method, house.here(from), {
        destination: house.to(house.here(path)),
        ...more,
      });
    assert.equal(await go("COPY", "/F", "/F2"), 201);
    assert.equal((await house.dav("GET", house.here("/F2/one"))).text, "1");
    assert.equal(await go("COPY", "/F", "/F2", { overwrite: "F" }), 412);
    assert.equal(await go("COPY", "/F", "/F3", { depth: "0" }), 201);
    assert.equal(await house.statusOf("GET", house.here("/F3/one")), 404);
    assert.equal(await go("COPY", "/F", "/F3", { depth: "1" }), 400);
    assert.equal(await go("COPY", "/F", "/F"), 403);
    assert.equal(await go("MOVE", "/F2", "/F3"), 204);
    assert.equal((await house.dav("GET", house.here("/F3/one"))).text, "1");
    assert.equal(await go("MOVE", "/F3", "/F3/below"), 403);
    assert.equal(await go("MOVE", "/F3", "/none/F3"), 409);
    assert.equal(await go("MOVE", "/F3/one", "/F3/ONE"), 201, "another spelling of its own name");
    assert.match((await house.dav("PROPFIND", house.here("/F3"))).text, /F3\/ONE</);
    assert.equal(await go("MOVE", "/F3", "/a/../F4"), 409, "fetch has resolved nothing");

    const elsewhere = [
      "http://example.com/dav/My%20files/x",
      `${house.served.url}/api/x`,
      "x",
      "/davx",
    ];
    for (const destination of elsewhere)
      assert.equal(
        await house.statusOf("COPY", house.here("/F"), { destination }),
        502,
        destination,
      );
    assert.equal(await house.statusOf("COPY", house.here("/F")), 400);
    assert.equal(await house.statusOf("DELETE", house.here("/")), 403);
    assert.equal(await house.statusOf("DELETE", "/"), 403);
    assert.equal(await house.statusOf("DELETE", house.here("/F"), { depth: "1" }), 400);
    assert.equal(await house.statusOf("DELETE", house.here("/F")), 204);
    assert.equal(await house.statusOf("DELETE", house.here("/F")), 404);
    const trash = await get(house.at(house.ada), `/drive/nodes/${house.rootId}`);
    assert.equal(trash.status, 200);
  });

  test("a folder is made with properties, or not at all", async () => {
    const mkcol = (props: string) =>
      `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/></resourcetype>${props}</prop></set></mkcol>`;
    const xml = { "content-type": "application/xml" };
    const made = await house.dav("MKCOL", house.here("/P"), {
      ...xml,
      body: mkcol(`<c xmlns="urn:x">1</c>`),
    });
    assert.deepEqual([made.status, statusesIn(made.text)], [201, ["200"]]);
    assert.match(
      (await house.dav("PROPFIND", house.here("/P"), { depth: "0" })).text,
      /<c xmlns="urn:x">1<\/c>/,
    );
    const large = mkcol(`<c xmlns="urn:x">${"x".repeat(70_000)}</c>`);
    assert.equal(await house.statusOf("MKCOL", house.here("/Q"), { ...xml, body: large }), 507);
    const refused = await house.dav("MKCOL", house.here("/Q"), {
      ...xml,
      body: mkcol(`<getetag>x</getetag>`),
    });
    assert.deepEqual([refused.status, statusesIn(refused.text)], [403, ["403"]]);
    assert.equal(await house.statusOf("PROPFIND", house.here("/Q")), 404);
    const calendar = `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/><c xmlns="urn:x"/></resourcetype></prop></set></mkcol>`;
    assert.equal(await house.statusOf("MKCOL", house.here("/Q"), { ...xml, body: calendar }), 415);
  });

  test("properties are kept, told by their names, and changed together or not at all", async () => {
    await house.dav("PUT", house.here("/p.txt"), { body: "1" });
    const update = (inside: string) => ({
      body: `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x">${inside}</D:propertyupdate>`,
    });
    const set = (inside: string) => `<D:set><D:prop>${inside}</D:prop></D:set>`;
    const both = set(`<x:a xml:lang="de">Grün <b/></x:a>`) + set("<x:b/>");
    assert.deepEqual(
      statusesIn((await house.dav("PROPPATCH", house.here("/p.txt"), update(both))).text),
      ["200"],
    );
    const ask = (inside: string) =>
      house.dav("PROPFIND", house.here("/p.txt"), {
        body: `<propfind xmlns="DAV:">${inside}</propfind>`,
      });
    const some = await ask(
      `<prop><a xmlns="urn:x"/><none xmlns="urn:x"/><quota-used-bytes/><quota-available-bytes/></prop>`,
    );
    assert.match(
      some.text,
      /<a xmlns="urn:x" xml:lang="de">Grün <b xmlns="DAV:"\/><\/a>|<a xmlns="urn:x" xml:lang="de">Grün <b xmlns=""\/><\/a>/,
    );
    assert.match(some.text, /<D:quota-used-bytes>\d+</);
    assert.deepEqual(statusesIn(some.text), ["200", "404"]);
    assert.match((await ask("<propname/>")).text, /<D:getetag\/>.*<b xmlns="urn:x"\/>/);
    const included = await ask(
      `<allprop/><include><quota-used-bytes/><a xmlns="urn:x"/><id xmlns="http://owncloud.org/ns"/><none xmlns="urn:x"/></include>`,
    );
    assert.match(included.text, /<D:getetag>.*<D:quota-used-bytes>\d+<.*<id xmlns="[^"]*">node_/s);
    assert.equal(included.text.split("Grün").length, 2, "what is kept is told once");
    assert.match(included.text, /<none xmlns="urn:x"\/><\/D:prop><D:status>HTTP\/1.1 404/);
    assert.deepEqual(statusesIn(included.text), ["200", "404"]);

    const wrong = `${set("<D:getcontentlength>9</D:getcontentlength>")}${set("<x:a>new</x:a>")}`;
    const refused = await house.dav("PROPPATCH", house.here("/p.txt"), update(wrong));
    assert.deepEqual(statusesIn(refused.text), ["403", "424"]);
    assert.match((await ask(`<prop><a xmlns="urn:x"/></prop>`)).text, /Grün/);
    const large = set(`<x:a>${"x".repeat(70_000)}</x:a>`);
    assert.deepEqual(
      statusesIn((await house.dav("PROPPATCH", house.here("/p.txt"), update(large))).text),
      ["507"],
    );
    const removed = update(`<D:remove><D:prop><x:a/></D:prop></D:remove>`);
    assert.deepEqual(
      statusesIn((await house.dav("PROPPATCH", house.here("/p.txt"), removed)).text),
      ["200"],
    );
    assert.deepEqual(statusesIn((await ask(`<prop><a xmlns="urn:x"/></prop>`)).text), ["404"]);
  });
});
