import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { ofx } from "../../src/contexts/accounts/testing/statement-files.ts";
import {
  alpacaServer,
  deposits,
} from "../../src/contexts/accounts/infrastructure/stand-ins/alpaca.ts";
import { launch, scratch, signUp } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { get, post } from "../support/http.ts";
import { until, untilAll } from "../support/until.ts";

type Json = Readonly<Record<string, unknown>>;

describe("statements and connections at the console", () => {
  test("connections are listed and synced, and files are imported with or without a server", async () => {
    await using broker = await alpacaServer();
    broker.activities.push(...deposits(3, "2026-01-01T00:00:00Z"));
    await using folder = await scratch();
    const env = { BASALT_DATA_DIR: folder.path, BASALT_ALPACA_URL: broker.url };
    const run = async (...args: readonly string[]) => {
      const { code, output } = await launch(args, env).ended;
      return { code, output, rows: () => JSON.parse(output) as readonly Json[] };
    };
    const file = path.join(folder.path, "activity.qfx");
    const rows = [{ id: "1", date: "2026-08-03", amount: "-4.50" }];
    await writeFile(file, ofx({ rows }));
    let owner = "";
    {
      await using basalt = launch(["start"], env);
      const served = { url: await basalt.url, folder: folder.path };
      const ada = await signUp(served, "ada@example.com");
      await verify(served, "ada@example.com", ada);
      const at = { url: served.url, headers: ada.headers };
      const connected = await post(at, "/connections", { provider: "alpaca", keys: broker.keys });
      const id = String(connected.body["id"]);
      const syncs = async () => (await get(at, `/connections/${id}/syncs`)).body["items"] as Json[];
      await untilAll(syncs, ({ status }) => status === "succeeded", 1);
      const [listed] = (await run("connections", "list", "--json")).rows();
      owner = String(listed?.["owner"]);
      assert.deepEqual([listed?.["id"], listed?.["lastSync"]], [id, "succeeded"]);

      assert.equal((await run("connections", "sync", id)).code, 0);
      await until(async () => (await syncs()).length === 2);
      const there = await run("statements", "import", file, "--owner", owner);
      assert.match(there.output, /1 rows, 1 created/);
    }
    const again = await run("statements", "import", file, "--owner", owner, "--json");
    assert.deepEqual([again.rows()[0]?.["matched"], again.rows()[0]?.["created"]], [1, 0]);

    await writeFile(file, "no statement");
    const wrongs = [
      [["statements", "import", file, "--owner", owner], /refused: upload-invalid/],
      [["statements", "import", path.join(folder.path, "none.qfx"), "--owner", owner], /ENOENT/],
      [["statements", "import", file, "--owner", "me"], /--owner/],
      [["statements", "import", file], /--owner/],
      [["connections", "sync", "connection_01jzzzzzzzzzzzzzzzzzzzzzzz"], /there is no connection_/],
    ] as const;
    for (const [args, says] of wrongs) {
      const { code, output } = await run(...args);
      assert.notEqual(code, 0, args.join(" "));
      assert.match(output, says);
    }
  });
});
