import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { signUp, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { lockInfo, openWebDav, type More } from "#test/webdav.ts";

type Ocs = { readonly ocs: { readonly data: Readonly<Record<string, unknown>> } };

const asking = (...names: readonly string[]) =>
  `<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop>${names.map((one) => `<${one}/>`).join("")}</prop></propfind>`;

describe("the dialect of Nextcloud", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let bob: SignedIn;
  before(async () => {
    house = await openWebDav();
    bob = await signUp(house.served, "bob@example.com");
    await verify(house.served, "bob@example.com", bob);
  });
  after(() => house.served[Symbol.asyncDispose]());

  const ask = (method: string, path: string, more?: More) => house.ask(method, path, more);
  const files = (path: string, user = house.ada.userId) =>
    `/remote.php/dav/files/${user}/My%20files${path}`;
  const uploads = (path: string, user = house.ada.userId) =>
    `/remote.php/dav/uploads/${user}/${path}`;
  const to = (path: string) => ({ destination: house.served.url + files(path) });

  test("tells everyone that a server is there, and its user who that is", async () => {
    const status = await fetch(`${house.served.url}/status.php`);
    assert.equal(((await status.json()) as { installed: boolean }).installed, true);
    assert.equal((await ask("GET", "/ocs/v1.php/cloud/user", { as: "" })).status, 401);
    const user = JSON.parse((await ask("GET", "/ocs/v2.php/cloud/user?format=json")).text) as Ocs;
    const { id, email } = user.ocs.data;
    assert.deepEqual([id, email], [house.ada.userId, "ada@example.com"]);
    for (const [release, as] of [
      ["v1", house.authorization],
      ["v2", ""],
    ] as const) {
      const { text } = await ask("GET", `/ocs/${release}.php/cloud/capabilities`, { as });
      const able = JSON.parse(text) as Ocs;
      assert.deepEqual((able.ocs.data["capabilities"] as Ocs["ocs"]["data"])["dav"], {
        chunking: "1.0",
      });
    }
    assert.equal((await ask("GET", "/ocs/v2.php/apps/user_status/api/v1")).status, 404);
  });

  test("has one's own files at one's id and at one's address, and those of nobody else", async () => {
    const put = await ask("PUT", files("/own.txt"), { body: "own" });
    assert.equal(put.status, 201);
    assert.equal(put.headers.get("oc-etag"), put.headers.get("etag"));
    assert.match(put.headers.get("oc-fileid") ?? "", /^node_/);
    for (const user of ["ada@example.com", "ADA%40example.com"])
      assert.equal((await ask("GET", files("/own.txt", user))).text, "own");
    const old = await ask("GET", "/remote.php/webdav/My%20files/own.txt");
    assert.equal(old.text, "own");
    const other = await house.basic(bob);
    assert.equal((await ask("GET", files("/own.txt"), { as: other })).status, 404);
    assert.equal((await ask("GET", files("/own.txt", bob.userId), { as: other })).status, 404);
    for (const path of ["/", "/files", "/uploads", "/trashbin/x"])
      assert.equal((await ask("GET", `/remote.php/dav${path}`)).status, 404, path);
  });

  test("tells tags of folders that change with whatever lies below, ids and permissions", async () => {
    await ask("MKCOL", files("/outer"));
    await ask("MKCOL", files("/outer/inner"));
    const wanted = asking("getetag", "oc:id", "oc:permissions", "oc:size");
    const look = async (as?: string) => {
      const asked = { depth: "0", body: wanted, ...(as === undefined ? {} : { as }) };
      const { text } = await ask("PROPFIND", files("/outer"), asked);
      const told = (name: string) => new RegExp(`<${name}[^>]*>([^<]*)</`).exec(text)?.[1] ?? "";
      return ["D:getetag", "id", "permissions", "size"].map(told);
    };
    const [tag, id, permissions] = await look();
    assert.match(id ?? "", /^node_/);
    assert.equal(permissions, "RGDNVCK");
    await ask("PUT", files("/outer/inner/x"), { body: "12345" });
    const [after5, sameId, , size] = await look();
    assert.notEqual(after5, tag);
    assert.deepEqual([sameId, size], [id, "5"]);
    const { text } = await ask("PROPFIND", `/remote.php/dav/files/${house.ada.userId}/`, {
      depth: "1",
      body: wanted,
    });
    assert.equal(text.match(/<D:getetag>/g)?.length, 2, text);
    assert.match(text, /<permissions[^>]*>RGCK</);
  });

  test("keeps names apart that its clients keep apart, and takes a new spelling of a name", async () => {
    await ask("MKCOL", files("/Spelled"));
    await ask("PUT", files("/Spelled/Case.txt"), { body: "1" });
    for (const [method, path] of [
      ["PUT", "/Spelled/case.txt"],
      ["PUT", "/spelled/new.txt"],
      ["MKCOL", "/spelled"],
      ["GET", "/Spelled/case.txt"],
      ["DELETE", "/spelled/Case.txt"],
    ] as const)
      assert.equal((await ask(method, files(path))).status, 409, `${method} ${path}`);
    await ask("PUT", files("/other.txt"), { body: "2" });
    const clash = await ask("MOVE", files("/other.txt"), to("/Spelled/CASE.txt"));
    assert.equal(clash.status, 409);
    const renamed = await ask("MOVE", files("/Spelled/Case.txt"), to("/Spelled/CASE.txt"));
    assert.equal(renamed.status, 201);
    assert.equal((await ask("GET", files("/Spelled/CASE.txt"))).text, "1");
    const space = files("/Spelled/CASE.txt").replace("My%20files", "my%20FILES");
    assert.equal((await ask("GET", space)).text, "1", "a space is found in any case");
    assert.equal(
      (await house.dav("PUT", house.here("/spelled/case.txt"), { body: "3" })).status,
      204,
    );
  });

  test("tells a key that only reads that it may not write", async () => {
    const as = await house.basic(house.ada, ["spaces:read", "nodes:read"]);
    const asked = { depth: "0", body: asking("oc:permissions"), as };
    assert.match((await ask("PROPFIND", files("/"), asked)).text, /<permissions[^>]*>G</);
  });

  test("puts a file together of pieces, in the order of their numbers", async () => {
    const at = uploads("t1");
    assert.equal((await ask("MKCOL", at)).status, 201);
    assert.equal((await ask("MKCOL", at)).status, 405);
    for (const [number, text] of [
      ["00002", "third"],
      ["00000", "wrong"],
      ["00001", " second "],
      ["00000", "first"],
    ] as const)
      assert.equal((await ask("PUT", `${at}/${number}`, { body: text })).status, 201);
    const listed = await ask("PROPFIND", at, { depth: "1" });
    const lengths = [...listed.text.matchAll(/<D:getcontentlength>(\d+)</g)].map(([, one]) => one);
    assert.deepEqual(lengths, ["5", "8", "5"]);
    const short = { ...to("/pieces.txt"), "oc-total-length": "19" };
    assert.equal((await ask("MOVE", `${at}/.file`, short)).status, 400);
    const right = { ...to("/pieces.txt"), "oc-total-length": "18", "x-oc-mtime": "1700000000" };
    const moved = await ask("MOVE", `${at}/.file`, right);
    assert.equal(moved.status, 201, moved.text);
    assert.equal(moved.headers.get("x-oc-mtime"), "accepted");
    const read = await ask("GET", files("/pieces.txt"));
    assert.equal(read.text, "first second third");
    assert.equal(read.headers.get("last-modified"), new Date(1_700_000_000_000).toUTCString());
    const again = await ask("MOVE", `${at}/.file`, right);
    assert.deepEqual(
      [again.status, again.headers.get("etag")],
      [204, moved.headers.get("etag")],
      "a repeated request gets the first answer",
    );
    await ask("PUT", files("/pieces.txt"), { body: "newer" });
    const stale = await ask("MOVE", `${at}/.file`, right);
    assert.equal(stale.status, 412, "the content of somebody else is not told as its own");
    const elsewhere = await ask("MOVE", `${at}/.file`, to("/elsewhere.txt"));
    assert.equal(elsewhere.status, 409, "the pieces are that file's");
  });

  test("keeps to conditions and locks of the file that pieces become", async () => {
    const begin = async (name: string) => {
      await ask("MKCOL", uploads(name));
      await ask("PUT", `${uploads(name)}/1`, { body: name });
      return `${uploads(name)}/.file`;
    };
    await ask("PUT", files("/guarded.txt"), { body: "1" });
    const tag = (await ask("PUT", files("/guarded.txt"), { body: "2" })).headers.get("etag") ?? "";
    const stale = `<${house.served.url}${files("/guarded.txt")}> (["old"])`;
    const one = await begin("t2");
    assert.equal((await ask("MOVE", one, { ...to("/guarded.txt"), if: stale })).status, 412);
    const fresh = stale.replace('"old"', tag);
    const kept = { ...to("/guarded.txt"), overwrite: "F" };
    assert.equal((await ask("MOVE", one, kept)).status, 412);
    assert.equal((await ask("MOVE", one, { ...to("/guarded.txt"), if: fresh })).status, 204);
    await ask("LOCK", files("/guarded.txt"), { body: lockInfo() });
    const two = await begin("t3");
    assert.equal((await ask("MOVE", two, to("/guarded.txt"))).status, 423);
    assert.equal((await ask("GET", files("/guarded.txt"))).text, "t2");
  });

  test("refuses pieces and places that are none, and the transfers of others", async () => {
    const at = uploads("t4");
    await ask("MKCOL", at);
    const statuses = async (...asked: readonly (readonly [string, string, More?])[]) => {
      const found: number[] = [];
      for (const [method, path, more] of asked) found.push((await ask(method, path, more)).status);
      return found;
    };
    const other = await house.basic(bob);
    const foreign = uploads("t4", bob.userId);
    assert.deepEqual(
      await statuses(
        ["PUT", `${at}/one`, { body: "x" }],
        ["PUT", `${at}/99999999999999999999`, { body: "x" }],
        ["PUT", `${at}/1/2`, { body: "x" }],
        ["DELETE", `${at}/1`],
        ["MKCOL", `${at}/piece`],
        ["PROPFIND", `${at}/1`],
        ["PUT", `${uploads("nothing")}/1`, { body: "x" }],
        ["MOVE", `${at}/.file`],
        ["MOVE", `${at}/.file`, { destination: "http://example.com/x" }],
        ["MOVE", `${at}/1`, to("/x")],
        ["COPY", `${at}/.file`, to("/x")],
        ["PUT", `${at}/1`, { body: "x", as: other }],
        ["PUT", `${foreign}/1`, { body: "x", as: other }],
        ["DELETE", at],
        ["DELETE", at],
      ),
      [400, 400, 404, 405, 405, 404, 404, 502, 502, 400, 405, 404, 404, 204, 404],
    );
  });
});
