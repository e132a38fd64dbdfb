import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openWebDav } from "#test/webdav.ts";

const asking = (token: string, { level = "1", more = "" } = {}) =>
  `<sync-collection xmlns="DAV:"><sync-token>${token}</sync-token><sync-level>${level}</sync-level>${more}<prop><getetag/><resourcetype/></prop></sync-collection>`;

describe("changes of a folder over WebDAV", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  before(async () => {
    house = await openWebDav();
  });
  after(() => house.served[Symbol.asyncDispose]());

  const report = (path: string, body: string) =>
    house.dav("REPORT", house.here(path), { body, depth: "0", "content-type": "application/xml" });
  /** What a report tells of each resource, by its name, and the token that comes next. */
  async function look(path: string, token: string) {
    const { status, text } = await report(path, asking(token));
    assert.equal(status, 207, text);
    const found = [...text.matchAll(/<D:response>(.*?)<\/D:response>/g)].map(([, inside = ""]) => {
      const name = /<D:href>.*?\/([^/<]*)\/?<\/D:href>/.exec(inside)?.[1] ?? "";
      return inside.includes("<D:propstat>") ? name : `-${name}`;
    });
    const next = /<D:sync-token>([^<]*)</.exec(text)?.[1] ?? "";
    return { found: found.toSorted(), next };
  }
  const put = (path: string, body = "x") => house.dav("PUT", house.here(path), { body });
  const move = (from: string, to: string) =>
    house.dav("MOVE", house.here(from), { destination: house.to(house.here(to)) });

  test("tells a folder, and then what has changed in it", async () => {
    await house.dav("MKCOL", house.here("/followed"));
    await house.dav("MKCOL", house.here("/followed/inner"));
    await house.dav("MKCOL", house.here("/aside"));
    for (const name of ["one", "two", "three"]) await put(`/followed/${name}`);
    const first = await look("/followed", "");
    assert.deepEqual(first.found, ["inner", "one", "three", "two"]);
    assert.deepEqual((await look("/followed", first.next)).found, []);
    await put("/followed/one", "other");
    await move("/followed/two", "/aside/two");
    await move("/followed/three", "/followed/renamed");
    await house.dav("DELETE", house.here("/followed/inner"));
    await put("/aside/elsewhere");
    const second = await look("/followed", first.next);
    assert.deepEqual(second.found, ["-inner", "-three", "-two", "one", "renamed"]);
    await move("/aside/two", "/followed/two");
    await put("/followed/short");
    await house.dav("DELETE", house.here("/followed/short"));
    assert.deepEqual((await look("/followed", second.next)).found, ["two"]);
    assert.deepEqual(
      (await look("/followed", first.next)).found,
      ["-inner", "-three", "one", "renamed", "two"],
      "also from further back",
    );
  });

  test("tells the token as a property, and which reports there are", async () => {
    const body = `<propfind xmlns="DAV:"><prop><sync-token/><supported-report-set/></prop></propfind>`;
    const { text } = await house.dav("PROPFIND", house.here("/"), { depth: "0", body });
    const token = /<D:sync-token>([^<]*)</.exec(text)?.[1] ?? "";
    assert.match(text, /<D:sync-collection\/>/);
    await put("/after");
    assert.deepEqual((await look("/", token)).found, ["after"]);
  });

  test("refuses tokens that are none, and what it cannot tell", async () => {
    const condition = async (path: string, body: string) => {
      const { status, text } = await report(path, body);
      return `${status} ${/<D:error[^>]*><D:([\w-]+)\/>/.exec(text)?.[1] ?? ""}`;
    };
    for (const token of [
      "x",
      "urn:basalt:sync:x",
      "urn:basalt:sync:1.evt_00000000000000000000000000",
    ])
      assert.equal(await condition("/", asking(token)), "403 valid-sync-token", token);
    const deep = asking("", { level: "infinite" });
    assert.equal(await condition("/", deep), "403 sync-traversal-supported");
    const limited = asking("", { more: "<limit><nresults>1</nresults></limit>" });
    assert.equal(await condition("/", limited), "403 number-of-matches-within-limits");
    await put("/file");
    assert.equal(await condition("/file", asking("")), "403 supported-report");
    assert.equal(await condition("/", `<expand-property xmlns="DAV:"/>`), "403 supported-report");
    assert.equal(await condition("/", ""), "403 supported-report");
    assert.equal((await report("/", "<x")).status, 400);
    assert.equal((await report("/none", asking(""))).status, 404);
    assert.equal((await house.dav("REPORT", "/", { body: asking("") })).status, 403);
  });
});
