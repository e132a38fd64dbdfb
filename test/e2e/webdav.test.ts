import assert from "node:assert/strict";
import net from "node:net";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { serve, signUp, type Served, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get, post } from "#test/http.ts";

const scopes = ["spaces:read", "nodes:read", "nodes:update"];

describe("WebDAV over HTTP", () => {
  let served: Served;
  let ada: SignedIn;
  let rootId: string;
  let authorization: string;
  before(async () => {
    served = await serve({ BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "20" });
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const { body } = await post(at(ada), "/drive/spaces", { name: "My files" });
    rootId = String(body["rootId"]);
    authorization = await basic(ada);
  });
  after(() => served[Symbol.asyncDispose]());

  const at = ({ headers }: Pick<SignedIn, "headers">) => ({ url: served.url, headers });
  async function basic(user: SignedIn, some = scopes): Promise<string> {
    const key = { name: "laptop", scopes: some, expiresInDays: 366 };
    const { body, status } = await post(at(user), `/users/${user.userId}/api-keys`, key);
    assert.equal(status, 201, JSON.stringify(body));
    return `Basic ${btoa(`anybody:${String(body["token"])}`)}`;
  }
  type More = {
    readonly body?: string | Uint8Array<ArrayBuffer>;
    readonly [header: string]: unknown;
  };
  async function dav(method: string, path: string, { body, ...headers }: More = {}) {
    const answer = await fetch(`${served.url}/dav${path}`, {
      method,
      headers: { authorization, ...(headers as Record<string, string>) },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }
  const statusOf = async (method: string, path: string, more: More = {}) =>
    (await dav(method, path, more)).status;
  const to = (path: string) => `${served.url}/dav${path}`;
  const here = (path: string) => `/My%20files${path}`;
  const lockInfo = (scope = "exclusive") =>
    `<lockinfo xmlns="DAV:"><lockscope><${scope}/></lockscope><locktype><write/></locktype><owner><href>ada</href></owner></lockinfo>`;
  async function locked(path: string, more: More = {}) {
    const answer = await dav("LOCK", path, { body: lockInfo(), ...more });
    const token = /<(.*)>/.exec(answer.headers.get("lock-token") ?? "")?.[1] ?? "";
    return { ...answer, token };
  }

  test("lists spaces, folders and files, of the caller alone", async () => {
    assert.equal(await statusOf("MKCOL", here("/Lists")), 201);
    assert.equal(await statusOf("PUT", here("/Lists/%C3%BC%20%26%25.txt"), { body: "four" }), 201);
    const home = await dav("PROPFIND", "/", { depth: "1" });
    assert.equal(home.status, 207);
    assert.match(home.headers.get("content-type") ?? "", /^application\/xml; charset=utf-8$/);
    assert.deepEqual(hrefsIn(home.text), ["/dav/", "/dav/My%20files/"]);
    const folder = await dav("PROPFIND", here("/Lists/"), { depth: "1" });
    assert.deepEqual(hrefsIn(folder.text), [
      "/dav/My%20files/Lists/",
      "/dav/My%20files/Lists/%C3%BC%20%26%25.txt",
    ]);
    assert.match(folder.text, /<D:getcontentlength>4</);
    assert.match(folder.text, /<D:displayname>ü &amp;%.txt</);
    assert.equal(hrefsIn((await dav("PROPFIND", here("/Lists"), { depth: "0" })).text).length, 1);
    assert.equal(hrefsIn((await dav("PROPFIND", here("/Lists"))).text).length, 2, "no depth");

    const eve = await signUp(served, "eve@example.com");
    await verify(served, "eve@example.com", eve);
    const hers = { authorization: await basic(eve) };
    assert.deepEqual(hrefsIn((await dav("PROPFIND", "/", hers)).text), ["/dav/"]);
    for (const method of ["PROPFIND", "GET", "DELETE", "LOCK", "PROPPATCH", "COPY", "MOVE"]) {
      const body = method === "LOCK" ? { body: lockInfo() } : {};
      const patch = {
        body: '<propertyupdate xmlns="DAV:"><set><prop><a xmlns="urn:x"/></prop></set></propertyupdate>',
      };
      const more = {
        ...hers,
        ...body,
        ...(method === "PROPPATCH" ? patch : {}),
        destination: to("/x"),
      };
      const answer = await dav(method, here("/Lists"), more);
      assert.equal(answer.status, method === "LOCK" ? 409 : 404, `${method} ${answer.text}`);
    }
  });

  test("a key that only reads changes nothing, and one that is revoked ends at once", async () => {
    await dav("PUT", here("/read.txt"), { body: "1" });
    const reading = { authorization: await basic(ada, ["spaces:read", "nodes:read"]) };
    assert.equal(await statusOf("GET", here("/read.txt"), reading), 200);
    assert.equal(await statusOf("PUT", here("/read.txt"), { ...reading, body: "2" }), 403);
    assert.equal(await statusOf("PUT", here("/new.txt"), { ...reading, body: "2" }), 403);
    assert.equal(await statusOf("DELETE", here("/read.txt"), reading), 403);
    assert.equal(await statusOf("MKCOL", here("/new"), reading), 403);
    assert.equal((await locked(here("/read.txt"), reading)).status, 403);
    const { body } = await get(at(ada), `/users/${ada.userId}/api-keys`);
    const [newest] = body["items"] as readonly { readonly id: string }[];
    const revoked = await fetch(`${served.url}/api/v1/api-keys/${newest?.id}`, {
      method: "DELETE",
      headers: ada.headers,
    });
    assert.equal(revoked.status, 204);
    assert.equal(await statusOf("GET", here("/read.txt"), reading), 401);
  });

  test("a file is written, read in parts and replaced, and its tag tells one content from another", async () => {
    const bytes = randomBytes(200_000);
    const first = await dav("PUT", here("/a.bin"), { body: bytes });
    const tag = first.headers.get("etag") ?? "";
    assert.equal(first.status, 201);
    const part = await dav("GET", here("/a.bin"), { range: "bytes=0-3" });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, "bytes 0-3/200000"]);
    assert.equal(await statusOf("GET", here("/a.bin"), { "if-none-match": tag }), 304);
    const head = await dav("HEAD", here("/a.bin"));
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, "200000"]);

    assert.equal(await statusOf("PUT", here("/a.bin"), { body: "x", "if-none-match": "*" }), 412);
    assert.equal(await statusOf("PUT", here("/a.bin"), { body: "x", "if-match": '"b.1"' }), 412);
    const second = await dav("PUT", here("/a.bin"), { body: "x", "if-match": tag });
    assert.equal(second.status, 204);
    assert.notEqual(second.headers.get("etag"), tag);
    assert.equal(await statusOf("DELETE", here("/a.bin"), { "if-match": tag }), 412);
    assert.equal(await statusOf("DELETE", here("/a.bin")), 204);
    assert.equal(await statusOf("PUT", here("/a.bin"), { body: "another file" }), 201);
    const again = await dav("GET", here("/a.bin"), { "if-none-match": tag });
    assert.deepEqual([again.status, again.text], [200, "another file"]);
    assert.equal(again.headers.get("content-security-policy"), "sandbox; default-src 'none'");
  });

  test("a file put by this way is there by the other one, with the same revision and time", async () => {
    const more = { body: "one", "x-oc-mtime": "1580688000" };
    const put = await dav("PUT", here("/shared.txt"), more);
    assert.equal(put.headers.get("x-oc-mtime"), "accepted");
    const found = await get(at(ada), `/drive/nodes/${rootId}/children`);
    const items = found.body["items"] as readonly Record<string, unknown>[];
    const file = items.find(({ name }) => name === "shared.txt");
    assert.deepEqual([file?.["revision"], file?.["modifiedAt"]], [1, "2020-02-03T00:00:00.000Z"]);
    const revised = await fetch(
      `${served.url}/api/v1/drive/nodes/${String(file?.["id"])}/content`,
      {
        method: "PUT",
        headers: { ...ada.headers, "if-match": '"r1"', "content-type": "application/octet-stream" },
        body: "two",
      },
    );
    assert.equal(revised.status, 200);
    assert.equal((await dav("GET", here("/shared.txt"))).text, "two");
  });

  test("those who write without conditions at the same time all succeed, and every content is a revision", async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => `content ${i}`);
    const writers = bodies.map((body) => statusOf("PUT", here("/raced.txt"), { body }));
    const statuses = await Promise.all(writers);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [201, 204, 204, 204, 204, 204, 204, 204],
    );
    const found = await get(at(ada), `/drive/nodes/${rootId}/children`);
    const items = found.body["items"] as readonly Record<string, unknown>[];
    const raced = items.filter(({ name }) => name === "raced.txt");
    assert.deepEqual(
      raced.map(({ revision }) => revision),
      [8],
    );
  });

  test("a body that is shorter than macOS has said leaves no file", async () => {
    const short = { body: "x", "x-expected-entity-length": "5" };
    assert.equal(await statusOf("PUT", here("/short.txt"), short), 400);
    assert.equal(await statusOf("GET", here("/short.txt")), 404);
    const exact = { body: "12345", "x-expected-entity-length": "5" };
    assert.equal(await statusOf("PUT", here("/short.txt"), exact), 201);
    assert.equal(await statusOf("PUT", here("/._short.txt"), { body: "" }), 201);
    for (const type of ["x", ";;;", "text/plain; charset"]) {
      const odd = { body: "12", "content-type": type };
      assert.equal(await statusOf("PUT", here("/typed.txt"), odd), type === "x" ? 201 : 204, type);
    }
    const ranged = { body: "x", "content-range": "bytes 0-0/5" };
    assert.equal(await statusOf("PUT", here("/short.txt"), ranged), 400);
  });

  test("a client that dies in the midst of a body leaves no file", async () => {
    const { hostname, port } = new URL(served.url);
    const socket = net.connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(
      `PUT /dav/My%20files/dead.txt HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${authorization}\r\ncontent-length: 1000\r\n\r\nhalf`,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await statusOf("GET", here("/dead.txt")), 404);
  });

  test("folders are made, copied and moved, and what is in the way goes only where that is allowed", async () => {
    assert.equal(await statusOf("MKCOL", here("/F")), 201);
    assert.equal(await statusOf("MKCOL", here("/F")), 405);
    assert.equal(await statusOf("MKCOL", here("/none/G")), 409);
    assert.equal(
      await statusOf("MKCOL", here("/H"), { body: "x", "content-type": "text/plain" }),
      415,
    );
    assert.equal(await statusOf("PUT", here("/F/one"), { body: "1" }), 201);
    assert.equal(await statusOf("PUT", here("/none/one"), { body: "1" }), 409);
    assert.equal(await statusOf("PUT", here("/F"), { body: "1" }), 405);
    assert.equal(await statusOf("PUT", here("/F/one/below"), { body: "1" }), 409);
    assert.equal(await statusOf("PUT", here("/F/nul.txt"), { body: "1" }), 403);

    const go = (method: string, from: string, path: string, more: More = {}) =>
      statusOf(method, here(from), { destination: to(here(path)), ...more });
    assert.equal(await go("COPY", "/F", "/F2"), 201);
    assert.equal((await dav("GET", here("/F2/one"))).text, "1");
    assert.equal(await go("COPY", "/F", "/F2", { overwrite: "F" }), 412);
    assert.equal(await go("COPY", "/F", "/F3", { depth: "0" }), 201);
    assert.equal(await statusOf("GET", here("/F3/one")), 404);
    assert.equal(await go("COPY", "/F", "/F3", { depth: "1" }), 400);
    assert.equal(await go("COPY", "/F", "/F"), 403);
    assert.equal(await go("MOVE", "/F2", "/F3"), 204);
    assert.equal((await dav("GET", here("/F3/one"))).text, "1");
    assert.equal(await go("MOVE", "/F3", "/F3/below"), 403);
    assert.equal(await go("MOVE", "/F3", "/none/F3"), 409);
    assert.equal(await go("MOVE", "/F3/one", "/F3/ONE"), 204, "another spelling of its own name");
    assert.match((await dav("PROPFIND", here("/F3"))).text, /F3\/ONE</);
    assert.equal(await go("MOVE", "/F3", "/a/../F4"), 409, "fetch has resolved nothing");

    const elsewhere = ["http://example.com/dav/My%20files/x", `${served.url}/api/x`, "x", "/davx"];
    for (const destination of elsewhere)
      assert.equal(await statusOf("COPY", here("/F"), { destination }), 502, destination);
    assert.equal(await statusOf("COPY", here("/F")), 400);
    assert.equal(await statusOf("DELETE", here("/")), 403);
    assert.equal(await statusOf("DELETE", "/"), 403);
    assert.equal(await statusOf("DELETE", here("/F"), { depth: "1" }), 400);
    assert.equal(await statusOf("DELETE", here("/F")), 204);
    assert.equal(await statusOf("DELETE", here("/F")), 404);
    const trash = await get(at(ada), `/drive/nodes/${rootId}`);
    assert.equal(trash.status, 200);
  });

  test("a folder is made with properties, or not at all", async () => {
    const mkcol = (props: string) =>
      `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/></resourcetype>${props}</prop></set></mkcol>`;
    const xml = { "content-type": "application/xml" };
    const made = await dav("MKCOL", here("/P"), { ...xml, body: mkcol(`<c xmlns="urn:x">1</c>`) });
    assert.deepEqual([made.status, statusesIn(made.text)], [201, ["200"]]);
    assert.match(
      (await dav("PROPFIND", here("/P"), { depth: "0" })).text,
      /<c xmlns="urn:x">1<\/c>/,
    );
    const large = mkcol(`<c xmlns="urn:x">${"x".repeat(70_000)}</c>`);
    assert.equal(await statusOf("MKCOL", here("/Q"), { ...xml, body: large }), 507);
    const refused = await dav("MKCOL", here("/Q"), { ...xml, body: mkcol(`<getetag>x</getetag>`) });
    assert.deepEqual([refused.status, statusesIn(refused.text)], [403, ["403"]]);
    assert.equal(await statusOf("PROPFIND", here("/Q")), 404);
    const calendar = `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/><c xmlns="urn:x"/></resourcetype></prop></set></mkcol>`;
    assert.equal(await statusOf("MKCOL", here("/Q"), { ...xml, body: calendar }), 415);
  });

  test("properties are kept, told by their names, and changed together or not at all", async () => {
    await dav("PUT", here("/p.txt"), { body: "1" });
    const update = (inside: string) => ({
      body: `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x">${inside}</D:propertyupdate>`,
    });
    const set = (inside: string) => `<D:set><D:prop>${inside}</D:prop></D:set>`;
    const both = set(`<x:a xml:lang="de">Grün <b/></x:a>`) + set("<x:b/>");
    assert.deepEqual(statusesIn((await dav("PROPPATCH", here("/p.txt"), update(both))).text), [
      "200",
    ]);
    const ask = (inside: string) =>
      dav("PROPFIND", here("/p.txt"), { body: `<propfind xmlns="DAV:">${inside}</propfind>` });
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
    assert.match(
      (await ask("<allprop/><include><quota-used-bytes/></include>")).text,
      /quota-used/,
    );

    const wrong = `${set("<D:getcontentlength>9</D:getcontentlength>")}${set("<x:a>new</x:a>")}`;
    const refused = await dav("PROPPATCH", here("/p.txt"), update(wrong));
    assert.deepEqual(statusesIn(refused.text), ["403", "424"]);
    assert.match((await ask(`<prop><a xmlns="urn:x"/></prop>`)).text, /Grün/);
    const large = set(`<x:a>${"x".repeat(70_000)}</x:a>`);
    assert.deepEqual(statusesIn((await dav("PROPPATCH", here("/p.txt"), update(large))).text), [
      "507",
    ]);
    const removed = update(`<D:remove><D:prop><x:a/></D:prop></D:remove>`);
    assert.deepEqual(statusesIn((await dav("PROPPATCH", here("/p.txt"), removed)).text), ["200"]);
    assert.deepEqual(statusesIn((await ask(`<prop><a xmlns="urn:x"/></prop>`)).text), ["404"]);
  });

  test("XML that means to harm is refused by every method that reads it", async () => {
    await dav("PUT", here("/x.txt"), { body: "1" });
    const laughs = `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><propfind xmlns="DAV:"><prop>&b;</prop></propfind>`;
    const deep = `<propfind xmlns="DAV:">${"<a>".repeat(10_000)}`;
    for (const method of ["PROPFIND", "PROPPATCH", "LOCK"]) {
      for (const body of [laughs, deep, "<propfind", `<unknown xmlns="DAV:"/>`])
        assert.equal(
          await statusOf(method, here("/x.txt"), { body }),
          400,
          `${method} ${body.slice(0, 60)}`,
        );
      const large = { body: `<propfind xmlns="DAV:">${" ".repeat(10_000_000)}</propfind>` };
      assert.equal(await statusOf(method, here("/x.txt"), large).catch(() => 413), 413, method);
    }
    const infinite = await dav("PROPFIND", here("/"), { depth: "infinity" });
    assert.equal(infinite.status, 403);
    assert.match(infinite.text, /propfind-finite-depth/);
    assert.equal(await statusOf("PROPFIND", here("/"), { depth: "2" }), 400);
    assert.equal(await statusOf("GET", "/%E0%A4"), 400);
    assert.equal(await statusOf("GET", here("/%2541")), 404, "encoded twice is another name");
    assert.equal(await statusOf("GET", here("/../../etc/passwd")), 404);
    assert.equal(await statusOf("GET", here("/a%2Fb")), 400);
  });

  test("a small request that would grow in memory or in its answer is refused", async () => {
    await dav("PUT", here("/x.txt"), { body: "1" });
    const long = "u".repeat(950_000);
    const set = (inside: string) =>
      `<propertyupdate xmlns="DAV:"><set><prop>${inside}</prop></set></propertyupdate>`;
    const nested = `<n:a xmlns:n="${long}&amp;">${"<n:b/>".repeat(4_000)}</n:a>`;
    const asked = `<propfind xmlns="DAV:"><prop>${Array.from({ length: 300 }, (_, i) => `<a${i}/>`).join("")}</prop></propfind>`;
    const wide = Array.from({ length: 90 }, (_, i) => `<a${i} xmlns="${"u".repeat(900)}"/>`);
    const many = Array.from({ length: 1_001 }, (_, i) => `<a${i} xmlns="urn:x"/>`);
    const statuses = [
      await statusOf("PROPPATCH", here("/x.txt"), { body: set(nested) }),
      await statusOf("PROPPATCH", here("/x.txt"), { body: set(many.join("")) }),
      await statusOf("PROPFIND", here("/"), { body: asked }),
      await statusOf("PROPFIND", here("/"), {
        body: `<propfind xmlns="DAV:"><prop>${wide.join("")}</prop></propfind>`,
      }),
    ];
    assert.deepEqual(statuses, [400, 413, 413, 413]);
  });

  test("an encoded slash is no part of a name, and a request may name the whole address", async () => {
    await dav("MKCOL", here("/S"));
    await dav("PUT", here("/S/f"), { body: "old" });
    await dav("PUT", here("/new"), { body: "new" });
    for (const method of ["MOVE", "COPY"]) {
      const destination = `${to(here("/S"))}%2Ff`;
      assert.equal(await statusOf(method, here("/new"), { destination }), 400);
    }
    assert.equal((await dav("GET", here("/S/f"))).text, "old");
    const { hostname, port } = new URL(served.url);
    const socket = net.connect(Number(port), hostname);
    const answer = new Promise<string>((resolve) => {
      let all = "";
      socket.on("data", (piece) => (all += String(piece))).on("close", () => resolve(all));
    });
    socket.write(
      `GET ${to(here("/S/f"))} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${authorization}\r\nconnection: close\r\n\r\n`,
    );
    assert.match(await answer, /^HTTP\/1.1 200 [^]*old$/);
    const post = await dav("POST", here("/S/f"));
    assert.equal(post.status, 405);
    assert.match(post.headers.get("allow") ?? "", /PROPFIND/);
    assert.match((await dav("GET", here("/S"))).headers.get("allow") ?? "", /PROPFIND/);
  });

  test("who began to send before somebody locked the file is refused at the end", async () => {
    const { hostname, port } = new URL(served.url);
    for (const path of ["/late.txt", "/late-new.txt"]) {
      if (path === "/late.txt") await dav("PUT", here(path), { body: "1" });
      const socket = net.connect(Number(port), hostname);
      const answer = new Promise<string>((resolve) => {
        let all = "";
        socket.on("data", (piece) => (all += String(piece))).on("close", () => resolve(all));
      });
      socket.write(
        `PUT /dav/My%20files${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${authorization}\r\nconnection: close\r\ncontent-length: 5\r\n\r\nab`,
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { token, text } = await locked(here(path));
      assert.notEqual(token, "", text);
      socket.write("cde");
      assert.match(await answer, /^HTTP\/1.1 423 /);
      assert.notEqual((await dav("GET", here(path))).text, "abcde");
    }
  });

  test("spaces are found by their ids before their names, and made elsewhere", async () => {
    const other = await signUp(served, "other@example.com");
    await verify(served, "other@example.com", other);
    const hers = { authorization: await basic(other) };
    const first = await post(at(other), "/drive/spaces", { name: "Work" });
    const id = String(first.body["id"]);
    await post(at(other), "/drive/spaces", { name: id });
    await post(at(other), "/drive/spaces", { name: "work" });
    assert.equal(await statusOf("PUT", `/${id}/x.txt`, { ...hers, body: "1" }), 201);
    assert.equal((await dav("GET", "/Work/x.txt", hers)).text, "1");
    const hrefs = hrefsIn((await dav("PROPFIND", "/", hers)).text);
    assert.deepEqual([hrefs.length, new Set(hrefs).size], [4, 4], hrefs.join());
    for (const [method, path] of [
      ["MKCOL", "/New"],
      ["PUT", "/new.txt"],
    ] as const)
      assert.equal(await statusOf(method, path, hers), 403, method);
    const blind = { authorization: await basic(other, ["nodes:read"]) };
    assert.equal(await statusOf("PROPFIND", "/", blind), 403, "it would look empty");
    assert.equal((await dav("GET", "/Work/x.txt", blind)).text, "1");
    const wrong = { authorization: await basic(other, ["spaces:read"]) };
    assert.equal(await statusOf("GET", "/Work/x.txt", wrong), 403);
  });

  test("a lock keeps those out who do not name it, and does not change the tag", async () => {
    const { headers } = await dav("PUT", here("/l.txt"), { body: "1" });
    const { status, token, text } = await locked(here("/l.txt"), { timeout: "Second-100" });
    assert.equal(status, 200);
    assert.match(text, /<D:timeout>Second-100<.*<D:lockroot><D:href>\/dav\/My%20files\/l.txt</);
    assert.match(text, /<D:owner>ada</);
    const seen = await dav("HEAD", here("/l.txt"));
    assert.equal(seen.headers.get("etag"), headers.get("etag"));
    assert.equal((await locked(here("/l.txt"))).status, 423);
    for (const [method, more] of [
      ["PUT", { body: "2" }],
      ["DELETE", {}],
      ["MOVE", { destination: to(here("/moved")) }],
      [
        "PROPPATCH",
        {
          body: `<propertyupdate xmlns="DAV:"><set><prop><a xmlns="urn:x"/></prop></set></propertyupdate>`,
        },
      ],
    ] as const) {
      const answer = await dav(method, here("/l.txt"), more);
      assert.equal(answer.status, 423, method);
      assert.match(answer.text, /<D:lock-token-submitted><D:href>\/dav\/My%20files\/l.txt</);
    }
    assert.equal(await statusOf("COPY", here("/l.txt"), { destination: to(here("/l2.txt")) }), 201);
    assert.equal(await statusOf("COPY", here("/l2.txt"), { destination: to(here("/l.txt")) }), 423);
    assert.equal(await statusOf("PUT", here("/l.txt"), { body: "2", if: `(<${token}>)` }), 204);
    assert.equal(await statusOf("PUT", here("/l.txt"), { body: "3", if: "(<urn:basalt:x>)" }), 412);
    assert.equal(await statusOf("PUT", here("/l.txt"), { body: "3", if: "(" }), 400);
    const renewed = await dav("LOCK", here("/l.txt"), { if: `(<${token}>)`, timeout: "Infinite" });
    assert.match(renewed.text, /<D:timeout>Second-604800</);
    assert.equal(await statusOf("LOCK", here("/l.txt"), { if: "(Not <DAV:no-lock>)" }), 412);

    assert.equal(await statusOf("UNLOCK", here("/l2.txt"), { "lock-token": `<${token}>` }), 409);
    assert.equal(await statusOf("UNLOCK", here("/l.txt"), { "lock-token": token }), 400);
    assert.equal(await statusOf("UNLOCK", here("/l.txt"), { "lock-token": `<${token}>` }), 204);
    assert.equal(await statusOf("UNLOCK", here("/l.txt"), { "lock-token": `<${token}>` }), 409);
    assert.equal(await statusOf("PUT", here("/l.txt"), { body: "4" }), 204);
  });

  test("a lock of a folder covers what lies below, is found from there, and does not go with a move", async () => {
    await dav("MKCOL", here("/D"));
    await dav("MKCOL", here("/D/E"));
    await dav("PUT", here("/D/E/f"), { body: "1" });
    const { token } = await locked(here("/D"));
    const named = { if: `<${to(here("/D"))}> (<${token}>)` };
    assert.equal(await statusOf("PUT", here("/D/E/f"), { body: "2" }), 423);
    assert.equal(await statusOf("PUT", here("/D/E/new"), { body: "2" }), 423);
    assert.equal(await statusOf("MKCOL", here("/D/new")), 423);
    assert.equal(await statusOf("PUT", here("/D/E/f"), { body: "2", ...named }), 204);
    const found = await dav("PROPFIND", here("/D/E"), { depth: "1" });
    const roots = [...found.text.matchAll(/<D:lockroot><D:href>([^<]*)/g)].map(([, root]) => root);
    assert.deepEqual(roots, ["/dav/My%20files/D/", "/dav/My%20files/D/"]);
    assert.equal((await locked(here("/D/E/f"))).status, 423);
    const renewed = await dav("LOCK", here("/D/E/f"), { if: `(<${token}>)` });
    assert.match(renewed.text, /<D:lockroot><D:href>\/dav\/My%20files\/D\//);
    const move = { destination: to(here("/D2")), ...named };
    assert.equal(await statusOf("MOVE", here("/D"), move), 201);
    assert.equal(await statusOf("PUT", here("/D2/E/f"), { body: "3" }), 204, "the lock has ended");

    const shallow = await locked(here("/D2"), { depth: "0" });
    assert.equal(await statusOf("PUT", here("/D2/E/f"), { body: "4" }), 204);
    assert.equal(await statusOf("PUT", here("/D2/new"), { body: "4" }), 423);
    assert.equal(await statusOf("DELETE", here("/D2/E")), 423);
    const mine = { body: "4", if: `(<${shallow.token}>)` };
    assert.equal(await statusOf("PUT", here("/D2/new"), mine), 201);
    assert.equal((await locked(here("/D2"), { depth: "1" })).status, 400);
  });

  test("a path without a file is locked by making an empty one, and two share a lock", async () => {
    const made = await locked(here("/empty"));
    assert.equal(made.status, 201);
    assert.equal((await dav("GET", here("/empty"))).text, "");
    assert.equal((await locked(here("/none/empty"))).status, 409);
    const racing = Array.from(
      { length: 6 },
      async () => (await locked(here("/raced-lock"))).status,
    );
    const statuses = (await Promise.all(racing)).toSorted((a, b) => a - b);
    assert.deepEqual(statuses.slice(1), [423, 423, 423, 423, 423]);
    const shared = { body: lockInfo("shared") };
    const first = await locked(here("/x.txt"), shared);
    const second = await locked(here("/x.txt"), shared);
    assert.deepEqual([first.status, second.status], [200, 200]);
    assert.equal((await locked(here("/x.txt"))).status, 423);
    assert.equal(await statusOf("PUT", here("/x.txt"), { body: "2" }), 423);
    const one = { body: "2", if: `(<${second.token}>)` };
    assert.equal(await statusOf("PUT", here("/x.txt"), one), 204, "one of them is enough");
  });

  test("a lock of somebody else opens nothing for who knows its token", async () => {
    await dav("PUT", here("/theirs.txt"), { body: "1" });
    const eve = await signUp(served, "editor@example.com");
    await verify(served, "editor@example.com", eve);
    const spaces = await get(at(ada), "/drive/spaces");
    const [space] = spaces.body["items"] as readonly { readonly id: string }[];
    const invited = { email: "editor@example.com", role: "editor" };
    const invitation = await post(at(ada), `/drive/spaces/${space?.id}/invitations`, invited);
    assert.equal(invitation.status, 201, invitation.text);
    const joined = await post(
      at(eve),
      `/drive/invitations/${String(invitation.body["id"])}/acceptance`,
    );
    assert.ok(joined.status < 300, joined.text);
    const { token } = await locked(here("/theirs.txt"));
    const hers = { authorization: await basic(eve), if: `(<${token}>)`, body: "2" };
    assert.equal(await statusOf("PUT", here("/theirs.txt"), hers), 423);
    const unlocked = { ...hers, "lock-token": `<${token}>` };
    const { if: _if, body: _body, ...release } = unlocked;
    assert.equal(await statusOf("UNLOCK", here("/theirs.txt"), release), 403);
  });

  test("asks for a password, and stops those who guess", async () => {
    const open = await fetch(to("/"), { method: "OPTIONS" });
    assert.deepEqual([open.status, open.headers.get("dav")], [200, "1, 2, 3, extended-mkcol"]);
    const none = await fetch(to("/"), { method: "PROPFIND" });
    assert.equal(none.status, 401);
    assert.match(none.headers.get("www-authenticate") ?? "", /^Basic realm="basalt"/);
    const bearer = { authorization: ada.headers["authorization"] };
    assert.equal(await statusOf("PROPFIND", "/", bearer), 207);
    const wrong = { authorization: `Basic ${btoa("ada@example.com:guess")}` };
    const outcomes = new Set<number>();
    for (let i = 0; i < 30; i += 1) outcomes.add(await statusOf("PROPFIND", "/", wrong));
    assert.deepEqual([...outcomes], [401, 429]);
    assert.equal(await statusOf("PROPFIND", "/"), 207, "who has the key is let in");
    const api = await fetch(`${served.url}/api/v1/drive/spaces`, { headers: { authorization } });
    assert.equal(api.status, 401, "a browser that keeps the password sends it nowhere else");
  });
});

const hrefsIn = (xml: string): readonly (string | undefined)[] =>
  [...xml.matchAll(/<D:response><D:href>([^<]*)/g)].map(([, href]) => href);
const statusesIn = (xml: string): readonly (string | undefined)[] =>
  [...xml.matchAll(/<D:status>HTTP\/1.1 (\d+)/g)].map(([, status]) => status);
