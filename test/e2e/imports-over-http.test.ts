import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { get, serve, type Json } from "../support/http.ts";
import { until } from "../support/until.ts";

import { finished, header, line, lines, tallyOf, upload } from "./imports.ts";

describe("imports over HTTP", () => {
  test("a file is imported, followed and exported again", async () => {
    await using served = await serve();
    const wrong = "thing-x,,,,\n";
    const file = `\u{feff}${header}${lines(60)}${wrong}${line(60)}`;
    const { status, body, answer } = await upload(served, "kind=products", file);
    assert.equal(status, 202);
    const id = String(body["id"]);
    assert.equal(answer.headers.get("location"), `/api/v1/imports/${id}`);

    const { headers } = served;
    const events = await fetch(`${served.url}/api/v1/imports/${id}/progress`, { headers });
    assert.match(events.headers.get("content-type") ?? "", /^text\/event-stream/);
    const told = (await events.text()).trim().split("\n\n");
    const [name, data] = told.at(-1)?.split("\n") ?? [];
    assert.equal(name, "event: finished");
    const last = JSON.parse(data?.slice("data: ".length) ?? "{}") as Json;
    assert.deepEqual([last["rows"], ...tallyOf(last)], [62, 61, 0, 0, 1]);

    const refused = (await get(served, `/imports/${id}/rows?outcome=refused`)).body;
    const [row] = refused["items"] as readonly { line: number; reason: Json }[];
    assert.deepEqual([row?.line, row?.reason["type"]], [62, "invalid"]);

    const exported = await fetch(`${served.url}/api/v1/exports/products`, { headers });
    assert.match(exported.headers.get("content-type") ?? "", /^text\/csv/);
    const text = await exported.text();
    assert.equal(text.trimEnd().split("\n").length, 62);
    const again = await upload(served, "kind=products", text);
    assert.deepEqual(tallyOf(await finished(served, again.body["id"])), [0, 0, 61, 0]);
  });

  test("followers of imports are limited for each user and do not count as requests in flight", async () => {
    await using served = await serve({
      BASALT_CONSUMERS: "false",
      BASALT_HTTP_MAX_IN_FLIGHT: "64",
    });
    const { body } = await upload(served, "kind=products", header + line(1));
    const stop = new AbortController();
    const follow = () =>
      fetch(`${served.url}/api/v1/imports/${String(body["id"])}/progress`, {
        headers: served.headers,
        signal: stop.signal,
      });
    const followed = await Promise.all(Array.from({ length: 8 }, follow));
    assert.ok(followed.every(({ status }) => status === 200));
    assert.equal((await follow()).status, 503);
    assert.equal((await get(served, "/products")).status, 200);
    stop.abort();
    await until(async () => {
      const again = await fetch(`${served.url}/api/v1/imports/${String(body["id"])}/progress`, {
        headers: served.headers,
      });
      await again.body?.cancel();
      return again.status === 200;
    });
  });

  test("a dry run says what would become of each row, and changes nothing", async () => {
    await using served = await serve();
    const { body } = await upload(served, "kind=products&dryRun=true", header + lines(3));
    assert.deepEqual(tallyOf(await finished(served, body["id"])), [3, 0, 0, 0]);
    assert.deepEqual((await get(served, "/products")).body["items"], []);
  });

  test("one key imports one file once, and refuses another", async () => {
    await using served = await serve();
    const key = { "idempotency-key": "monday" };
    const send = (text: string) => upload(served, "kind=products", text, key);
    const [first, second] = [await send(header + lines(2)), await send(header + lines(2))];
    assert.equal(first.status, 202);
    assert.deepEqual(second.body["id"], first.body["id"]);
    const other = await send(header + lines(3));
    assert.deepEqual([other.status, other.body["code"]], [422, "IDEMPOTENCY_KEY_REUSED"]);
  });

  test("refuses an invalid file as a whole", async () => {
    await using served = await serve();
    const reasonOf = async (text: string) => {
      const { status, body } = await upload(served, "kind=products", text);
      assert.equal(status, 422);
      return (body["details"] as Json)["reason"];
    };
    assert.equal(await reasonOf(""), "empty");
    assert.equal(await reasonOf(header), "empty");
    assert.equal(await reasonOf("slug,nmae\na,b\n"), "column-unknown");
    assert.equal(await reasonOf("name\nb\n"), "column-missing");
    assert.equal(await reasonOf(`${header}${line(1)}a,"b"c,d,e,f\n`), "malformed");
    assert.equal(await reasonOf("x".repeat(2 ** 18)), "record-too-long");
    assert.equal((await upload(served, "kind=people", header)).status, 400);
    assert.equal((await upload(served, "", header)).status, 400);
    for (const type of ["application/json", "text/plain", "multipart/form-data"]) {
      const answer = await upload(served, "kind=products", "{}", { "content-type": type });
      assert.equal(answer.status, 415, type);
    }
    const latin = { "content-type": "text/csv; charset=iso-8859-1" };
    assert.equal((await upload(served, "kind=products", header, latin)).status, 415);
    const noJson = { "content-type": "text/csv" };
    const { url, headers } = served;
    const product = await fetch(`${url}/api/v1/products`, {
      method: "POST",
      headers: { ...headers, ...noJson },
      body: "name\nx\n",
    });
    assert.equal(product.status, 415);
    assert.deepEqual((await get(served, "/products")).body["items"], []);
  });

  test("a line of a gigabyte is refused when its first part has come", async () => {
    await using served = await serve();
    let sent = 0;
    const chunk = new Uint8Array(2 ** 16).fill(97);
    const endless = new ReadableStream({
      pull(controller) {
        sent += chunk.length;
        if (sent > 2 ** 30) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const refused = await upload(served, "kind=products", endless).then(
      ({ body }) => (body["details"] as Json)["reason"],
      () => "cut", // the answer may be lost behind what is still sent
    );
    assert.ok(["record-too-long", "cut"].includes(String(refused)), String(refused));
    assert.equal((await get(served, "/products")).status, 200);
    await sleep(1_500);
    const sentUntilClosed = sent;
    await sleep(200);
    assert.equal(sent, sentUntilClosed, "the connection was closed");
  });

  test("followers of an import do not delay a stop", async () => {
    const served = await serve();
    const { body } = await upload(served, "kind=products", header + lines(5_000));
    const path = `/api/v1/imports/${String(body["id"])}/progress`;
    const events = await fetch(served.url + path, { headers: served.headers });
    // It is told the end: a connection that the drain cuts in the end would be an error.
    const [text] = await Promise.all([events.text(), served[Symbol.asyncDispose]()]);
    assert.match(text, /^event: waiting/);
  });

  test("a sender who goes away leaves nothing behind", async () => {
    await using served = await serve();
    const { hostname, port } = new URL(served.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(
      `POST /api/v1/imports?kind=products HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n` +
        `authorization: ${served.headers.authorization}\r\ncontent-length: 1000000\r\n\r\n`,
    );
    socket.write(header + lines(1_500));
    const count = async (table: string) => {
      const [row] = await served.opened.sql(`select count(*)::int as n from catalog.${table}`);
      return row?.["n"];
    };
    await until(async () => Number(await count("import_rows")) > 0);
    socket.destroy();
    await until(async () => (await count("import_rows")) === 0 && (await count("imports")) === 0);
    assert.deepEqual((await get(served, "/products")).body["items"], []);
  });
});
