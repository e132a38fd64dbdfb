import assert from "node:assert/strict";
import { test } from "node:test";
import { asAdmin, launch, scratch } from "../support/basalt.ts";
import { get, type At } from "../support/http.ts";
import { until } from "../support/until.ts";
import { finished, header, lines, tallyOf, upload } from "./imports.ts";

test("an import goes on where a kill has stopped it, and applies no row twice", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  const rows = 900; // as many as the list of events can show
  let id: unknown;
  const open = async (url: string): Promise<At> => ({
    url,
    headers: (await asAdmin({ url })).headers,
  });
  {
    await using first = launch(["start"], env);
    const at = await open(await first.url);
    ({ id } = (await upload(at, "kind=products", header + lines(rows))).body);
    await until(async () => Number((await get(at, `/imports/${String(id)}`)).body["created"]) > 0);
    first.child.kill("SIGKILL");
    await first.ended;
  }
  await using second = launch(["start"], env);
  const at = await open(await second.url);
  assert.deepEqual(tallyOf(await finished(at, id)), [rows, 0, 0, 0]);
  const { output } = await launch(
    ["events", "list", "--type", "catalog.product-drafted", "--limit", "1000", "--json"],
    env,
  ).ended;
  assert.equal((JSON.parse(output) as readonly unknown[]).length, rows);
  const exported = await fetch(`${at.url}/api/v1/exports/products`, { headers: at.headers });
  const slugs = (await exported.text())
    .split("\n")
    .slice(1)
    .map((row) => row.split(",")[0]);
  assert.equal(new Set(slugs.filter((slug) => slug)).size, rows);
  // The kill fell into the projection of these rows, too.
  const basalt = async (...args: readonly string[]) => launch(args, env).ended;
  await until(async () => / 0 events behind/.test((await basalt("projections", "list")).output));
  const verified = await basalt("projections", "verify");
  assert.equal(verified.code, 0, verified.output);
});

/** It is long on a machine that does other things as well, and longer where coverage is counted. */
const slow = { timeout: 600_000 };

test(
  "a hundred thousand rows, and rows of thousands of cells, arrive in a process of little memory",
  slow,
  async () => {
    await using folder = await scratch();
    const env = { BASALT_DATA_DIR: folder.path, BASALT_CONSUMERS: "false" };
    await using small = launch(["start"], { ...env, NODE_OPTIONS: "--max-old-space-size=80" });
    const url = await small.url;
    const at = { url, headers: (await asAdmin({ url })).headers };
    const [rows, perChunk] = [100_000, 1_000];
    const wide = "x".repeat(500);
    let made = 0;
    const file = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from(header)),
      pull(controller) {
        if (made >= rows) return controller.close();
        const chunk = Array.from({ length: perChunk }, (_, i) => `t-${made + i},T,${wide},,\n`);
        made += perChunk;
        controller.enqueue(Buffer.from(chunk.join("")));
      },
    });
    const { status, body, text } = await upload(at, "kind=products&dryRun=true", file);
    assert.equal(status, 202, text);
    assert.equal(body["rows"], rows);

    const wider = `${header}${`a${",b".repeat(2_000)}\n`.repeat(499)}`;
    const sent = Array.from({ length: 12 }, () => upload(at, "kind=products&dryRun=true", wider));
    const statuses = (await Promise.all(sent)).map((answer) => answer.status);
    assert.ok(
      statuses.every((code) => code === 202 || code === 503),
      String(statuses),
    );
    assert.ok(statuses.includes(503), "more than are taken at once are told to come again");
    assert.equal((await get(at, "/products")).status, 200);
  },
);
