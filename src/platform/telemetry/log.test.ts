import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const file = new URL("log.ts", import.meta.url).href;
const logged = async (logFormat: string): Promise<string> => {
  const script = `
    const { openLog } = await import(${JSON.stringify(file)});
    const { log, flush } = await openLog({ logLevel: "info", logFormat: ${JSON.stringify(logFormat)} });
    log.debug("not told");
    log.warn({ consumer: "search", lag: 3 }, "a consumer is late");
    flush();`;
  const args = ["--input-type=module", "--eval", script];
  return (await promisify(execFile)(process.execPath, args)).stdout;
};

test("a log that nobody watches is one JSON object per line", async () => {
  const [line = "", ...others] = (await logged("auto")).trimEnd().split("\n");
  const { time, ...entry } = JSON.parse(line) as Record<string, unknown>;
  assert.equal(typeof time, "number");
  assert.deepEqual(entry, { level: 40, consumer: "search", lag: 3, msg: "a consumer is late" });
  assert.deepEqual(others, []);
});

test("a readable log is one line per entry, with the time, the level and what it is about", async () => {
  const text = await logged("text");
  assert.match(
    text,
    /^\[\d\d:\d\d:\d\d\] WARN: a consumer is late \{"consumer":"search","lag":3\}\n$/,
  );
});
