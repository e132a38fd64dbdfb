import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { unzipSync } from "fflate";
import sharp from "sharp";
import { serve, signUp, type Served, type SignedIn } from "#test/basalt.ts";
import { tarOf } from "../../src/contexts/drive/testing/archives.ts";
import { verify } from "#test/emails.ts";
import { get, post, type At } from "#test/http.ts";
import { until } from "#test/until.ts";

const octets = "application/octet-stream";

describe("the drive over HTTP", () => {
  let served: Served;
  let ada: SignedIn;
  let at: At;
  let rootId: string;
  before(async () => {
    served = await serve();
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    at = { url: served.url, headers: ada.headers };
    const { body } = await post(at, "/drive/spaces", { name: "My files" });
    rootId = String(body["rootId"]);
  });
  after(() => served[Symbol.asyncDispose]());

  const send = (
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: object = {},
  ) =>
    fetch(`${served.url}/api/v1${path}`, {
      method,
      headers: {
        ...ada.headers,
        ...(body === undefined ? {} : { "content-type": octets }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
  async function made(name: string, bytes: Buffer): Promise<string> {
    const path = `/drive/nodes/${rootId}/files?name=${encodeURIComponent(name)}`;
    const answer = await send("POST", path, new Uint8Array(bytes));
    assert.equal(answer.status, 201, await answer.clone().text());
    const { id, hash } = (await answer.json()) as { readonly id: string; readonly hash: string };
    assert.equal(hash, createHash("sha256").update(bytes).digest("hex"));
    assert.equal(answer.headers.get("location"), `/api/v1/drive/nodes/${id}`);
    return id;
  }
  const content = (id: string) => `/drive/nodes/${id}/content`;

  test("uploads and downloads a file that cannot run in a browser", async () => {
    const bytes = randomBytes(5_000_000);
    const id = await made("Bericht für Ünal.html", bytes);
    const answer = await send("GET", content(id));
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
    const header = (name: string) => answer.headers.get(name);
    assert.equal(header("content-length"), "5000000");
    assert.equal(header("content-type"), octets);
    assert.match(
      header("content-disposition") ?? "",
      /^attachment; .*filename\*=UTF-8''Bericht%20f%C3%BCr%20%C3%9Cnal\.html$/,
    );
    assert.equal(header("content-security-policy"), "sandbox; default-src 'none'");
    assert.equal(header("x-content-type-options"), "nosniff");
    assert.equal(header("etag"), '"r1"');

    const dated = `name=dated&modifiedAt=${encodeURIComponent("2020-02-03T04:05:06+01:00")}`;
    const path = `/drive/nodes/${rootId}/files?${dated}`;
    const answered = await send("POST", path, new Uint8Array(Buffer.from("%PDF-1.7\n")));
    const told = (await answered.json()) as Readonly<Record<string, string>>;
    assert.equal(told["mediaType"], "application/pdf");
    assert.equal(told["modifiedAt"], "2020-02-03T03:05:06.000Z");
    const pdf = await send("GET", content(told["id"] ?? ""));
    assert.equal(pdf.headers.get("last-modified"), "Mon, 03 Feb 2020 03:05:06 GMT");
    assert.equal(pdf.headers.get("content-type"), octets, "whatever it is, no browser shows it");
    await pdf.body?.cancel();

    const head = await send("HEAD", content(id));
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, "5000000"]);
    assert.equal(
      (await send("GET", content(id), undefined, { "if-none-match": '"r1"' })).status,
      304,
    );
  });

  const size = 300_000;
  for (const [range, from, end] of [
    ["bytes=0-0", 0, 1],
    ["bytes=100-299999", 100, size],
    ["bytes=299999-", size - 1, size],
    ["bytes=-5", size - 5, size],
    ["bytes=10-9999999999", 10, size],
    ["bytes=-9999999", 0, size],
  ] as const)
    test(`answers the range ${range} with its bytes`, async () => {
      const bytes = randomBytes(size);
      const id = await made(`range ${range.replaceAll("=", " ")}`, bytes);
      const answer = await send("GET", content(id), undefined, { range });
      assert.equal(answer.status, 206);
      assert.equal(answer.headers.get("content-range"), `bytes ${from}-${end - 1}/${size}`);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(from, end)));
    });

  test("sends a folder as one archive of a known length, which has no parts", async () => {
    const { body } = await post(at, `/drive/nodes/${rootId}/folders`, { name: "Packed" });
    const folder = String(body["id"]);
    const batch = { "content-type": "application/x-tar" };
    const files = new Uint8Array(await tarOf([{ name: "a/b.txt", text: "content" }]));
    assert.equal((await send("POST", `/drive/nodes/${folder}/batch`, files, batch)).status, 200);
    const packed = (method: string) =>
      send(method, `/drive/nodes/${folder}/archive`, undefined, { range: "bytes=0-3" });
    const answer = await packed("GET");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("accept-ranges"), "none");
    assert.match(answer.headers.get("content-disposition") ?? "", /filename=Packed\.zip/);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const length = String(bytes.length);
    assert.equal(answer.headers.get("content-length"), length);
    assert.deepEqual(Object.keys(unzipSync(bytes)), ["Packed/a/", "Packed/a/b.txt"]);
    assert.equal((await packed("HEAD")).headers.get("content-length"), length);
  });

  test("answers several ranges as one body, those that overlap as one", async () => {
    const bytes = randomBytes(1_000);
    const id = await made("several", bytes);
    const ranged = (range: string) => send("GET", content(id), undefined, { range });
    const answer = await ranged("bytes=0-9,500-509,505-511,-1");
    assert.equal(answer.status, 206);
    const type = answer.headers.get("content-type") ?? "";
    const [, boundary = "?"] = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(type) ?? [];
    const head = (range: string) =>
      `\r\n--${boundary}\r\ncontent-type: ${octets}\r\ncontent-range: bytes ${range}/1000\r\n\r\n`;
    const whole = Buffer.concat([
      Buffer.from(head("0-9")),
      bytes.subarray(0, 10),
      Buffer.from(head("500-511")),
      bytes.subarray(500, 512),
      Buffer.from(head("999-999")),
      bytes.subarray(999),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const body = Buffer.from(await answer.arrayBuffer());
    assert.equal(body.toString("latin1"), whole.toString("latin1"));
    assert.equal(answer.headers.get("content-length"), `${whole.length}`);
    assert.equal((await ranged("bytes=0-1,2-3")).headers.get("content-range"), "bytes 0-3/1000");
    assert.equal((await ranged("bytes=0-1,2000-")).status, 206, "a part that is there is sent");
  });

  test("refuses a range behind the end, and ignores a malformed one", async () => {
    const id = await made("ranges", randomBytes(10));
    const status = async (headers: object) =>
      (await send("GET", content(id), undefined, headers)).status;
    const behind = await send("GET", content(id), undefined, { range: "bytes=10-" });
    assert.deepEqual([behind.status, behind.headers.get("content-range")], [416, "bytes */10"]);
    assert.match(await behind.text(), /"RANGE_NOT_SATISFIABLE"/);
    const tooMany = `bytes=${Array.from({ length: 129 }, () => "0-1").join(",")}`;
    for (const range of ["bytes=5-2", "pages=1-2", "bytes=a-b", "bytes=", tooMany])
      assert.equal(await status({ range }), 200, range);
    assert.equal(await status({ range: "bytes=0-1", "if-range": '"r1"' }), 206);
    assert.equal(await status({ range: "bytes=0-1", "if-range": '"r7"' }), 200);
    const empty = await made("empty", Buffer.alloc(0));
    assert.equal((await send("GET", content(empty), undefined, { range: "bytes=0-" })).status, 200);
  });

  test("a content arrives chunk by chunk, and goes on where it broke off", async () => {
    const bytes = randomBytes(200_000);
    const sha256 = (some: Buffer) => createHash("sha256").update(some).digest("hex");
    const chunks = [bytes.subarray(0, 100_000), bytes.subarray(100_000)];
    const lines = chunks.map(
      (one) => `${JSON.stringify({ hash: sha256(one), size: one.length })}\n`,
    );
    const ndjson = { "content-type": "application/x-ndjson" };
    const query = `name=chunked&size=${bytes.length}&hash=${sha256(bytes)}`;
    const begin = (body: string, asked = query) =>
      send("POST", `/drive/nodes/${rootId}/uploads?${asked}`, body, ndjson);
    const begun = await begin(lines.join(""));
    assert.equal(begun.status, 201, await begun.clone().text());
    const { id, missing } = (await begun.json()) as { id: string; missing: string[] };
    assert.deepEqual(missing, ["0-1"]);
    assert.equal(begun.headers.get("location"), `/api/v1/drive/uploads/${id}`);
    const put = (positions: string, body: Buffer) =>
      send("PUT", `/drive/uploads/${id}/chunks?chunks=${positions}`, new Uint8Array(body));
    const cut = request(`${served.url}/api/v1/drive/uploads/${id}/chunks?chunks=0-1`, {
      method: "PUT",
      headers: { ...ada.headers, "content-type": octets, "content-length": bytes.length },
    });
    cut.on("error", () => {});
    cut.write(bytes.subarray(0, 150_000), () => setTimeout(() => cut.destroy(), 100));
    const asked = async () => {
      const answer = await send("GET", `/drive/uploads/${id}`);
      return ((await answer.json()) as { missing: string[] }).missing;
    };
    await until(async () => (await asked()).join() === "1", "the first chunk is kept");
    for (const [positions, body, code] of [
      ["1", bytes.subarray(0, 100_000), "CHUNK_MISMATCH"],
      ["2", bytes, "CHUNK_UNWANTED"],
      ["1-0", bytes, "VALIDATION_FAILED"],
      ["0-999999", bytes, "TOO_MANY_CHUNKS"],
    ] as const)
      assert.match(await (await put(positions, body)).text(), new RegExp(code));
    assert.match(
      await (await send("POST", `/drive/uploads/${id}/commit`)).text(),
      /CHUNKS_MISSING/,
    );
    assert.equal((await put("1", chunks[1] ?? bytes)).status, 204);
    const committed = await send("POST", `/drive/uploads/${id}/commit`);
    assert.equal(committed.status, 200, await committed.clone().text());
    assert.equal(committed.headers.get("etag"), '"r1"');
    const file = (await committed.json()) as { readonly id: string };
    const whole = await send("GET", content(file.id));
    assert.ok(Buffer.from(await whole.arrayBuffer()).equals(bytes));
    const manifest = await send("GET", `/drive/nodes/${file.id}/manifest`);
    assert.equal(await manifest.text(), lines.join(""));
    for (const [body, said] of [
      ["not JSON\n", /part 0.*unreadable/],
      [`${lines[0]}{"from":0}\n`, /part 1.*unreadable/],
      ["x".repeat(100_000), /part 0.*unreadable/],
      [lines[0] ?? "", /part 1.*other-size/],
      [`${lines[0]}{"from":0,"until":100000}\n`, /no-chunk-border/],
    ] as const) {
      const answer = await begin(body, query.replace("chunked", "other"));
      assert.equal(answer.status, 422);
      assert.match(await answer.text(), said);
    }
  });

  test("sends a small picture of a picture, with a tag and no script", async () => {
    const large = sharp({ create: { width: 900, height: 600, channels: 3, background: "teal" } });
    const id = await made("sea.png", await large.png().toBuffer());
    const path = `/drive/nodes/${id}/thumbnail`;
    const answer = await send("GET", `${path}?size=64`);
    const header = (name: string) => answer.headers.get(name);
    assert.deepEqual([answer.status, header("content-type")], [200, "image/webp"]);
    assert.equal(header("content-security-policy"), "sandbox; default-src 'none'");
    const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
    assert.deepEqual([width, height], [64, 43]);
    const fresh = { "if-none-match": header("etag") ?? "" };
    assert.equal((await send("GET", `${path}?size=64`, undefined, fresh)).status, 304);
    assert.equal((await send("GET", `${path}?size=65`)).status, 400);
    const text = await made("words.png", Buffer.from("not a picture"));
    const none = await get(at, `/drive/nodes/${text}/thumbnail`);
    assert.deepEqual([none.status, none.body["code"]], [422, "NO_THUMBNAIL"]);
  });

  test("requires the base revision of a change, and refuses a stale one", async () => {
    const id = await made("notes.txt", Buffer.from("one"));
    assert.equal((await send("PUT", content(id), "two")).status, 428);
    const revised = await send("PUT", content(id), "two", { "if-match": '"r1"' });
    assert.deepEqual([revised.status, revised.headers.get("etag")], [200, '"r2"']);
    const version = await send("PUT", content(id), "x", { "if-match": '"2"' });
    assert.equal(version.status, 400, "the version of the node is no revision");
    const stale = await send("PUT", content(id), "other", { "if-match": '"r1"' });
    assert.equal(stale.status, 412);
    assert.match(await stale.text(), /"STALE_REVISION".*"currentRevision":2/);
    assert.equal(await (await send("GET", content(id))).text(), "two");
  });

  test("copies a file once for a repeated request", async () => {
    const id = await made("original.txt", Buffer.from("same"));
    const headers = { ...at.headers, "idempotency-key": randomUUID() };
    const copy = () => post({ ...at, headers }, `/drive/nodes/${id}/copies`, { name: "copy.txt" });
    const [first, again] = [await copy(), await copy()];
    assert.deepEqual([first.status, again.body], [201, first.body]);
    const answer = await send("GET", content(String(first.body["id"])));
    assert.deepEqual([await answer.text(), answer.headers.get("etag")], ["same", '"r1"']);
    const taken = await post(at, `/drive/nodes/${id}/copies`, {});
    assert.match(taken.text, /"NAME_TAKEN"/);
  });

  test("refuses a body of another type, and takes a form with a file", async () => {
    const path = `/drive/nodes/${rootId}/files?name=form.txt`;
    const refused = await send("POST", path, "{}", { "content-type": "application/json" });
    assert.equal(refused.status, 415);
    assert.match(await refused.text(), /must be application\/octet-stream or multipart\/form-data/);
    const form = new FormData();
    form.set("file", new Blob(["from a form"]), "ignored.txt");
    const { headers } = ada;
    const answer = await fetch(`${served.url}/api/v1${path}`, {
      method: "POST",
      headers,
      body: form,
    });
    assert.equal(answer.status, 201);
    const { id } = (await answer.json()) as { readonly id: string };
    assert.equal(await (await send("GET", content(id))).text(), "from a form");
  });

  test("refuses an oversized or encoded body and a malformed name before it stores anything", async () => {
    const path = `/drive/nodes/${rootId}/files?name=`;
    const zipped = await send("POST", `${path}zipped`, "x", { "content-encoding": "gzip" });
    assert.deepEqual([zipped.status, /gzip is not decoded/.test(await zipped.text())], [415, true]);
    assert.equal((await send("POST", `${path}%FF.txt`, "x")).status, 400);
    const huge = request(`${served.url}/api/v1${path}huge`, {
      method: "POST",
      headers: { ...ada.headers, "content-type": octets, "content-length": 9e9 },
    });
    huge.on("error", () => {});
    huge.write("x");
    const [answer] = (await once(huge, "response")) as [IncomingMessage];
    assert.equal(answer.statusCode, 413);
    huge.destroy();
    const { body } = await get(at, `/drive/nodes/${rootId}/children?limit=1000`);
    assert.doesNotMatch(JSON.stringify(body), /zipped|huge|FF/);
  });

  test("shows nothing of an upload that ends early", async () => {
    const folder = await post(at, `/drive/nodes/${rootId}/folders`, { name: "broken" });
    const id = String(folder.body["id"]);
    const cut = request(`${served.url}/api/v1/drive/nodes/${id}/files?name=cut`, {
      method: "POST",
      headers: { ...ada.headers, "content-type": octets, "content-length": 20_000_000 },
    });
    cut.on("error", () => {});
    cut.write(randomBytes(9_000_000));
    await until(() => !cut.writableNeedDrain);
    cut.destroy();
    const listed = await get(at, `/drive/nodes/${id}/children`);
    assert.deepEqual(listed.body["items"], []);
    assert.equal((await send("POST", `/drive/nodes/${id}/files?name=cut`, "whole")).status, 201);
  });

  test("ends the connection when a download turns out to be damaged", async () => {
    const id = await made("damaged", randomBytes(300_000));
    await served.opened.sql(
      `update drive.manifests set sizes = substring(sizes for 4), hashes = substring(hashes for 32) where node_id = '${id}'`,
    );
    const answer = await send("GET", content(id));
    await assert.rejects(answer.arrayBuffer(), /terminated/);
  });

  test("refuses a file whose first chunk is damaged, with nothing of the file about the refusal", async () => {
    const bytes = randomBytes(300_000);
    const id = await made("damaged from the start", bytes);
    const segments = path.join(served.folder, "drive/segments");
    for (const name of readdirSync(segments)) {
      const kept = readFileSync(path.join(segments, name));
      const from = kept.indexOf(bytes.subarray(0, 64));
      if (from < 0) continue;
      kept[from] = (kept[from] ?? 0) ^ 1;
      writeFileSync(path.join(segments, name), kept);
    }
    const answer = await send("GET", content(id));
    assert.equal(answer.status, 500);
    for (const name of ["etag", "last-modified", "content-disposition", "accept-ranges"])
      assert.equal(answer.headers.get(name), null, name);
    assert.equal(((await answer.json()) as { readonly code: string }).code, "INTERNAL_ERROR");
  });

  test("streams a change to a follower of the space at once", async () => {
    const { body } = await get(at, `/drive/nodes/${rootId}`);
    const path = `/drive/spaces/${String(body["spaceId"])}/changes`;
    const stream = await send("GET", `${path}/stream`);
    assert.equal(stream.headers.get("content-type"), "text/event-stream");
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    let heard = "";
    const hear = async () => {
      const { value } = await reader.read();
      heard += Buffer.from(value ?? []).toString();
    };
    await hear(); // it follows from here on
    await made("heard of.txt", Buffer.from("x"));
    while (!heard.includes("event: changes")) await hear();
    assert.match(heard, /"name":"heard of.txt"/);
    const [, cursor] = /"nextCursor":"([^"]+)"/.exec(heard) ?? [];
    await reader.cancel();
    const { body: later } = await get(at, `${path}?cursor=${cursor}`);
    assert.deepEqual([later["items"], later["nextCursor"], later["hasMore"]], [[], cursor, false]);
  });

  test("takes many files as a tar archive, and refuses what is none", async () => {
    const type = { "content-type": "application/x-tar" };
    const batch = `/drive/nodes/${rootId}/batch`;
    const archive = await tarOf([
      { name: "batch/a.txt", text: "one" },
      { name: "batch/b.txt", text: "two" },
      { name: "../c.txt", text: "three" },
    ]);
    const answer = await send("POST", batch, new Uint8Array(archive), type);
    assert.equal(answer.status, 200, await answer.clone().text());
    const { items } = (await answer.json()) as { items: readonly Record<string, unknown>[] };
    assert.deepEqual(
      items.map(({ path, outcome, code }) => [path, outcome, code]),
      [
        ["batch/a.txt", "created", undefined],
        ["batch/b.txt", "created", undefined],
        ["../c.txt", "refused", "NAME_INVALID"],
      ],
    );
    const node = items[0]?.["node"] as { readonly id: string };
    assert.equal(await (await send("GET", content(node.id))).text(), "one");
    for (const garbage of [randomBytes(4_096), archive.subarray(0, 700)]) {
      const refused = await send("POST", batch, new Uint8Array(garbage), type);
      assert.equal(refused.status, 422);
      assert.match(await refused.text(), /"ARCHIVE_INVALID"/);
    }
    assert.equal((await send("POST", batch, "x")).status, 415);
    const huge = await send("POST", batch, new Uint8Array(70 * 2 ** 20), type);
    assert.equal(huge.status, 413);
  });

  test("refuses a name that other systems cannot keep, and says why", async () => {
    const answer = await post(at, `/drive/nodes/${rootId}/folders`, { name: "../etc" });
    assert.equal(answer.status, 400);
    assert.match(
      answer.text,
      /"path":"\/name","message":"must be at most 255 bytes, without slashes/,
    );
    const device = await post(at, `/drive/nodes/${rootId}/folders`, { name: "nul.txt" });
    assert.equal(device.status, 422);
  });
});
