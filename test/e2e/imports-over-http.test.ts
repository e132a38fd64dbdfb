import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { signUp } from "../support/basalt.ts";
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
    const [issue] = (row?.reason["issues"] ?? []) as readonly object[];
    assert.deepEqual(Object.keys(issue ?? {}), ["path", "message"]);

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
    const json = { "content-type": "application/json" };
    assert.equal((await upload(served, "kind=products", "{}", json)).status, 415);
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

  test("takes the file of a form, and files as spreadsheets and browsers call them", async () => {
    await using served = await serve();
    const { url } = served;
    const { authorization = "" } = served.headers as Record<string, string>;
    const send = async (body: FormData | Uint8Array, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${url}/api/v1/imports?kind=stock&dryRun=true`, {
        method: "POST",
        headers: { authorization, ...headers },
        body: body as FormData,
      });
      return { status: answer.status, body: (await answer.json()) as Json };
    };
    const german = Buffer.from("sku;on_hand\nMüll;1\n", "latin1");
    const form = new FormData();
    form.append("comment", "from the shop");
    form.append("file", new Blob([german], { type: "text/csv" }), "stock.csv");
    const taken = await send(form);
    assert.equal(taken.status, 202, JSON.stringify(taken.body));
    assert.deepEqual([taken.body["encoding"], taken.body["separator"]], ["windows-1252", ";"]);
    const rows = async () =>
      (await get(served, `/imports/${String(taken.body["id"])}/rows`)).body["items"] as Json[];
    await until(async () => (await rows()).length === 1);
    const [row] = await rows();
    assert.deepEqual([row?.["line"], row?.["sku"], row?.["outcome"]], [2, "Müll", "refused"]);
    assert.match(String(row?.["detail"]), /^Invalid: sku must be letters, digits/);

    for (const type of ["text/plain", "text/tab-separated-values", "application/vnd.ms-excel"])
      assert.equal((await send(german, { "content-type": type })).status, 202, type);
    const empty = new FormData();
    empty.append("comment", "no file");
    assert.equal((await send(empty)).status, 400);
    const asForm = { "content-type": "multipart/form-data; boundary=x" };
    const file =
      "--x\r\ncontent-disposition: form-data; name=f; filename=a\r\n\r\nsku,on_hand\r\nA,1\r\n";
    for (const [body, why] of [
      ["", "The form cannot be read"],
      ["--x", "The form cannot be read"],
      [file, "The form cannot be read"],
      [`${file}${file}--x--`, "The form has more than one file"],
      [`${file}${"B,2\r\n".repeat(100_000)}${file}--x--`, "The form has more than one file"],
      [`${file}${"--x\r\n\r\n\r\n".repeat(100_000)}--x--`, "The form has more than 21 parts"],
    ] as const) {
      const { status, body: told } = await send(Buffer.from(body), asForm);
      assert.deepEqual([status, told["detail"]], [400, why], body.slice(0, 200));
    }
    assert.equal((await send(german, { "content-type": "multipart/form-data" })).status, 400);
  });

  test("who may not import is refused before the file arrives, and holds no place", async () => {
    await using served = await serve();
    const { headers } = await signUp(served, "ada@example.com");
    const { port, hostname } = new URL(served.url);
    const begun =
      "POST /api/v1/imports?kind=stock HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=X\r\n" +
      `authorization: ${String((headers as Record<string, string>)["authorization"])}\r\ncontent-length: 1000000\r\n\r\n--X`;
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = connect(Number(port), hostname).on("error", () => {});
        socket.write(begun);
        const [answer] = (await once(socket, "data")) as [Buffer];
        socket.destroy();
        return answer.toString().slice(0, 12);
      }),
    );
    assert.deepEqual(new Set(answers), new Set(["HTTP/1.1 403"]));
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
    const { body } = await upload(served, "kind=products", endless);
    assert.equal((body["details"] as Json)["reason"], "record-too-long");
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
