import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { signUp, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { openWebDav, type More } from "#test/webdav.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
/** Metadata as a client sends them. */
const told = (metadata: Readonly<Record<string, string>>) =>
  Object.entries(metadata)
    .map(([name, value]) => `${name} ${base64(value)}`)
    .join(",");
const offsetType = "application/offset+octet-stream";

describe("uploads by tus", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let bob: SignedIn;
  before(async () => {
    house = await openWebDav();
    bob = await signUp(house.served, "bob@example.com");
    await verify(house.served, "bob@example.com", bob);
  });
  after(() => house.served[Symbol.asyncDispose]());

  const tus = (method: string, path: string, more: More = {}) =>
    house.ask(method, path, { "tus-resumable": "1.0.0", ...more });
  /** Begins an upload in the space. */
  const begin = (name: string, length: number | undefined, more: More = {}) =>
    tus("POST", "/tus/My%20files/", {
      "upload-metadata": told({ filename: name }),
      ...(length === undefined
        ? { "upload-defer-length": "1" }
        : { "upload-length": String(length) }),
      ...more,
    });
  async function begun(name: string, length: number, more: More = {}): Promise<string> {
    const answer = await begin(name, length, more);
    assert.equal(answer.status, 201, answer.text);
    return answer.headers.get("location") ?? "";
  }
  const patch = (url: string, offset: number, body: string | Uint8Array<ArrayBuffer>, more = {}) =>
    tus("PATCH", url, {
      "upload-offset": String(offset),
      "content-type": offsetType,
      body,
      ...more,
    });
  const offsetOf = async (url: string) =>
    Number((await tus("HEAD", url)).headers.get("upload-offset"));
  const fileAt = async (name: string) => (await house.dav("GET", house.here(`/${name}`))).text;

  test("tells what it can, to everyone", async () => {
    const answer = await fetch(`${house.served.url}/tus`, { method: "OPTIONS" });
    assert.equal(answer.headers.get("tus-version"), "1.0.0");
    const extensions = answer.headers.get("tus-extension")?.split(",");
    for (const one of ["checksum", "concatenation", "creation-with-upload", "termination"])
      assert.ok(extensions?.includes(one), one);
  });

  test("makes a file of bytes that came by several requests", async () => {
    const url = await begun("several.txt", 11, {
      "upload-metadata": told({ filename: "several.txt", modifiedAt: "2026-01-02T03:04:05Z" }),
    });
    const first = await patch(url, 0, "hello ");
    assert.deepEqual([first.status, first.headers.get("upload-offset")], [204, "6"]);
    assert.ok(first.headers.get("upload-expires"));
    assert.equal((await house.dav("GET", house.here("/several.txt"))).status, 404);
    assert.equal((await patch(url, 0, "again!")).status, 409);
    const last = await patch(url, 6, "world");
    assert.equal(last.status, 204);
    const node = await fetch(
      new URL(last.headers.get("content-location") ?? "", house.served.url),
      { headers: house.ada.headers },
    );
    const { modifiedAt } = (await node.json()) as { modifiedAt: string };
    assert.equal(modifiedAt, "2026-01-02T03:04:05.000Z");
    assert.equal(await fileAt("several.txt"), "hello world");
    assert.equal(await offsetOf(url), 11);
  });

  test("makes a file with the request that begins it, an empty one too, and a second one beside it", async () => {
    const sent = { "content-type": offsetType, body: "at once" };
    assert.equal((await begin("once.txt", 7, sent)).status, 201);
    assert.equal(await fileAt("once.txt"), "at once");
    await begun("once.txt", 0);
    assert.equal(await fileAt("once%20(2).txt"), "");
    const replacing = told({ filename: "once.txt", ifTaken: "replace" });
    const again = { ...sent, body: "another", "upload-metadata": replacing };
    assert.equal((await begin("once.txt", 7, again)).status, 201);
    assert.equal(await fileAt("once.txt"), "another");
    const refusing = told({ filename: "once.txt", ifTaken: "refuse" });
    const refused = await begin("once.txt", 7, { ...sent, "upload-metadata": refusing });
    assert.equal(refused.status, 422, "clients would send a 409 again");
    assert.match(refused.text, /^NAME_TAKEN/);
    const late = await begun("late.txt", 2, {
      "upload-metadata": told({ filename: "late.txt", ifTaken: "refuse" }),
    });
    assert.equal((await house.dav("PUT", house.here("/late.txt"), { body: "x" })).status, 201);
    assert.equal((await patch(late, 0, "yz")).status, 422);
    await house.dav("DELETE", house.here("/late.txt"));
    assert.equal((await tus("HEAD", late)).status, 404, "it is given up");
  });

  test("of uploads that take no other name, one becomes a file, and the others leave nothing", async () => {
    const more = {
      "upload-metadata": told({ filename: "only.txt", ifTaken: "refuse" }),
      "content-type": offsetType,
      body: "only",
    };
    const all = await Promise.all(Array.from({ length: 6 }, () => begin("only.txt", 4, more)));
    const statuses = all.map(({ status }) => status).toSorted((a, b) => a - b);
    assert.deepEqual(statuses, [201, 422, 422, 422, 422, 422], all.map(({ text }) => text).join());
  });

  test("goes on where a broken connection ended", async () => {
    const bytes = randomBytes(3_000_000);
    const url = await begun("broken.bin", bytes.length);
    await new Promise<void>((resolve) => {
      const sending = request(new URL(url, house.served.url), {
        method: "PATCH",
        headers: {
          authorization: house.authorization,
          "tus-resumable": "1.0.0",
          "upload-offset": "0",
          "content-type": offsetType,
          "content-length": bytes.length,
        },
      });
      sending.on("error", () => resolve());
      sending.write(bytes.subarray(0, 2_000_000), () => setTimeout(() => sending.destroy(), 200));
    });
    const offset = await offsetOf(url);
    assert.ok(offset > 0 && offset <= 2_000_000, String(offset));
    assert.equal((await patch(url, offset, bytes.subarray(offset))).status, 204);
    const answer = await fetch(house.to(house.here("/broken.bin")), {
      headers: { authorization: house.authorization },
    });
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
  });

  test("a request that goes on ends one that has lost its client", async () => {
    const url = await begun("hanging.txt", 10);
    const hanging = request(new URL(url, house.served.url), {
      method: "PATCH",
      headers: {
        authorization: house.authorization,
        "tus-resumable": "1.0.0",
        "upload-offset": "0",
        "content-type": offsetType,
        "content-length": 10,
      },
    });
    hanging.on("error", () => {});
    await new Promise<void>((resolve) => hanging.write("01234", () => setTimeout(resolve, 200)));
    // The server ends a silent connection by itself after a minute.
    const head = await tus("HEAD", url, { signal: AbortSignal.timeout(30_000) });
    assert.equal(head.headers.get("upload-offset"), "5");
    assert.equal((await patch(url, 5, "56789")).status, 204);
    assert.equal(await fileAt("hanging.txt"), "0123456789");
    hanging.destroy();
  });

  test("keeps no bytes that are not those of their checksum", async () => {
    const url = await begun("checked.txt", 5);
    const sha1 = (text: string) => `sha1 ${createHash("sha1").update(text).digest("base64")}`;
    const wrong = await patch(url, 0, "hello", { "upload-checksum": sha1("other") });
    assert.deepEqual([wrong.status, await offsetOf(url)], [460, 0]);
    const unknown = await patch(url, 0, "hello", { "upload-checksum": "crc7 AAAA" });
    assert.equal(unknown.status, 400);
    const right = await patch(url, 0, "hello", { "upload-checksum": sha1("hello") });
    assert.equal(right.status, 204);
    assert.equal(await fileAt("checked.txt"), "hello");
  });

  test("puts an upload together of parts that come side by side", async () => {
    const send = async (text: string) => {
      const url = await begun("part", text.length, { "upload-concat": "partial" });
      assert.equal((await patch(url, 0, text)).status, 204);
      assert.equal((await tus("HEAD", url)).headers.get("upload-concat"), "partial");
      return url;
    };
    const parts = await Promise.all(["one ", "two ", "three"].map(send));
    const concat = `final;${parts.join(" ")}`;
    const whole = await tus("POST", "/tus/My%20files/", {
      "upload-concat": concat,
      "upload-metadata": told({ filename: "parts.txt" }),
    });
    assert.equal(whole.status, 201, whole.text);
    assert.equal(await fileAt("parts.txt"), "one two three");
    const url = whole.headers.get("location") ?? "";
    const head = await tus("HEAD", url);
    assert.equal(head.headers.get("upload-concat"), concat);
    assert.equal((await patch(url, 13, "!")).status, 403);
    const again = await tus("POST", "/tus/My%20files/", {
      "upload-concat": concat,
      "upload-metadata": told({ filename: "parts.txt" }),
    });
    assert.deepEqual(
      [again.status, again.headers.get("content-location")],
      [201, whole.headers.get("content-location")],
      "a repeated request gets the first answer",
    );
    const part = await tus("HEAD", parts[0] ?? "");
    assert.equal(part.headers.get("content-location"), whole.headers.get("content-location"));
  });

  test("puts no upload together of parts that are not whole, or of one twice", async () => {
    const part = await begun("part", 4, { "upload-concat": "partial" });
    const join = (concat: string) =>
      tus("POST", "/tus/My%20files/", {
        "upload-concat": concat,
        "upload-metadata": told({ filename: "joined.txt" }),
      });
    assert.equal((await join(`final;${part}`)).status, 409);
    await patch(part, 0, "once");
    assert.equal((await join(`final;${part} ${part}`)).status, 400);
    const whole = await join(`final;${part}`);
    assert.equal(whole.status, 201);
    assert.equal(await fileAt("joined.txt"), "once");
  });

  test("makes one file, however many ask while it is made", async () => {
    const bytes = randomBytes(2_000_000);
    const url = await begun("busy.bin", bytes.length);
    assert.equal((await patch(url, 0, bytes.subarray(0, 1_000_000))).status, 204);
    const last = patch(url, 1_000_000, bytes.subarray(1_000_000));
    const heads = Array.from({ length: 20 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 5));
      return tus("HEAD", url);
    });
    const statuses = new Set((await Promise.all(heads)).map(({ status }) => status));
    await last;
    assert.deepEqual([...statuses], [200]);
    const names = (await house.dav("PROPFIND", house.here("/"))).text.match(/busy[^<]*bin/g);
    assert.deepEqual(new Set(names), new Set(["busy.bin"]));
  });

  test("uploads of one name at once all become files", async () => {
    const send = async () => {
      const url = await begun("crowd.txt", 1);
      return patch(url, 0, "x");
    };
    const all = await Promise.all(Array.from({ length: 12 }, send));
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [204]);
  });

  test("learns the length later, and takes no more than that", async () => {
    const answer = await begin("later.txt", undefined);
    const url = answer.headers.get("location") ?? "";
    assert.equal((await patch(url, 0, "12345")).status, 204);
    assert.equal((await tus("HEAD", url)).headers.get("upload-defer-length"), "1");
    assert.equal((await patch(url, 5, "678", { "upload-length": "8" })).status, 204);
    assert.equal(await fileAt("later.txt"), "12345678");
    const short = await begun("short.txt", 3);
    assert.equal((await patch(short, 0, "1234")).status, 413);
  });

  test("gives up an upload, by DELETE or by the header for it", async () => {
    const [one, two] = [await begun("gone.txt", 5), await begun("gone.txt", 5)];
    assert.equal((await tus("DELETE", one)).status, 204);
    const overridden = await tus("POST", two, { "x-http-method-override": "DELETE" });
    assert.equal(overridden.status, 204);
    for (const url of [one, two]) assert.equal((await tus("HEAD", url)).status, 404);
  });

  test("refuses what has no place, no name, or no right, before any bytes come", async () => {
    const post = async (path: string, more: More = {}) =>
      (
        await tus("POST", path, {
          "upload-length": "5",
          "upload-metadata": told({ filename: "x" }),
          ...more,
        })
      ).status;
    assert.equal(await post("/tus/"), 404);
    assert.equal(await post("/tus/No%20such%20space"), 404);
    assert.equal(await post("/tus/My%20files/no-such-folder"), 404);
    assert.equal(await post("/tus/%zz"), 400);
    const here = "/tus/My%20files";
    assert.equal(await post(here, { "upload-metadata": told({ filename: "a/b" }) }), 400);
    assert.equal(await post(here, { "upload-metadata": "" }), 400);
    assert.equal(await post(here, { "upload-length": String(2 ** 40) }), 413);
    assert.equal(await post(here, { "tus-resumable": "0.2" }), 412);
    for (const method of ["TRACE", "CONNECT", "foo bar", "PUT"])
      assert.equal(await post(here, { "x-http-method-override": method }), 405, method);
    assert.equal(await post(here, { as: "" }), 401);
    const reading = await house.basic(house.ada, ["spaces:read", "nodes:read"]);
    assert.equal(await post(here, { as: reading }), 403);
    assert.equal(await post(here, { "upload-concat": "final;/tus/nothing" }), 400);
    const odd = { "upload-concat": "final;/tus/nothing", "upload-metadata": "a b c,," };
    assert.equal(await post(here, odd), 400);
  });

  test("nobody else sees an upload, or ends a request of it", async () => {
    const url = await begun("mine.txt", 5);
    const other = await house.basic(bob);
    for (const [method, more] of [
      ["HEAD", {}],
      ["DELETE", {}],
      ["PATCH", { "upload-offset": "0", "content-type": offsetType, body: "12345" }],
    ] as const)
      assert.equal((await tus(method, url, { as: other, ...more })).status, 404, method);
    const joined = await tus("POST", "/tus/My%20files/", {
      as: other,
      "upload-concat": `final;${url}`,
      "upload-metadata": told({ filename: "x" }),
    });
    assert.equal(joined.status, 404);
    assert.equal(await offsetOf(url), 0);
  });
});
