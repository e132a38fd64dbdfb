// How long one request holds the event loop, by the worst input that is within the limits.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { basalt } from "../src/composition.ts";
import { startBasalt } from "../src/main.ts";
import { median, scratchFolder, spread, type Figure } from "./measure.ts";

const barMs = 50;
const rounds = 5;
const shown = 5;
const password = "correct horse battery";

type Input = { readonly path: string; readonly body?: string; readonly type?: string };

const json = (body: string, path = "/products"): Input => ({
  path,
  body,
  type: "application/json",
});
const product = (more: object) => json(JSON.stringify({ name: "x", ...more }));
const csv = (body: string): Input => ({ path: "/imports?kind=stock", body, type: "text/csv" });
const many = (length: number, item: (i: number) => string, between = ",") =>
  Array.from({ length }, (_, i) => item(i)).join(between);
const bytes = "A".repeat(99_000);
const header = "sku,on_hand\n";

const inputs: Readonly<Record<string, Input>> = {
  "JSON of 19 000 unknown fields": json(`{${many(19_000, (i) => `"k${i}":1`)}}`),
  "JSON of 70 000 unknown fields": json(`{${many(70_000, (i) => `"k${i}":1`)}}`),
  "JSON of 19 000 items": json(`{"name":"x","skus":[${many(19_000, () => "1")}]}`),
  "JSON of 19 000 empty lists": json(`{"name":"x","skus":[${many(19_000, () => "[]")}]}`),
  "JSON of 60 levels": json(
    `{"name":${"[".repeat(60)}${many(19_000, () => "1")}${"]".repeat(60)}}`,
  ),
  "JSON of 19 000 equal keys": json(`{${many(19_000, () => '"name":"x"')}}`),
  "a name of a million characters": product({ name: "x ".repeat(500_000) }),
  "a name of combining marks": product({ name: `a${"\u0301".repeat(400_000)}` }),
  "a description of lines": product({ description: "\n\t".repeat(250_000) }),
  "a description of combining marks": product({ description: `a${"\u0301".repeat(9_990)}` }),
  "an address of a million dots": json(
    JSON.stringify({ email: `a@${".".repeat(1_000_000)}`, name: "x" }),
    "/users",
  ),
  "a passkey of 300 KB": json(
    JSON.stringify({
      response: {
        id: "x",
        type: "public-key",
        response: { clientDataJSON: bytes, authenticatorData: bytes, signature: bytes },
      },
    }),
    "/sessions/passkey",
  ),
  "CSV of ten million line breaks": csv(header + "\n".repeat(10_000_000)),
  "CSV of 300 000 rows": csv(header + "a,1\n".repeat(300_000)),
  "CSV of 130 000 commas": csv(`${header}${",".repeat(130_000)}\n`),
  "CSV of 60 000 quotes": csv(`${header}"${'""'.repeat(60_000)}",1\n`),
  "CSV of 20 000 columns": csv(`${many(20_000, (i) => `c${i}`)}\n`),
  "a search for 200 letters": { path: `/products/search?q=${encodeURIComponent("ä".repeat(200))}` },
  "a search for twelve words": { path: `/products/search?q=${many(12, (i) => `ab${i}`, "+")}` },
  "a query of 1 500 fields": { path: `/products?${many(1_500, (i) => `k${i}=1`, "&")}` },
};

async function holdMs(url: string, { path, body, type }: Input, headers: object): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await sleep(20);
  delay.enable();
  const answer = await fetch(`${url}/api/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(type === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body }),
  });
  await answer.arrayBuffer();
  delay.disable();
  return delay.max / 1_000_000;
}

async function adminOf(url: string): Promise<object> {
  const answer = await fetch(`${url}/api/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "admin@basalt.local", password }),
  });
  const { accessToken } = (await answer.json()) as { readonly accessToken: string };
  return { authorization: `Bearer ${accessToken}` };
}

/** The worst of all inputs. The client's own work, in the same process, counts as well. */
export async function holdFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const settings = basalt.load({
    PORT: "0",
    BASALT_DATA_DIR: folder.path,
    BASALT_ADMIN_PASSWORD: password,
    BASALT_CONSUMERS: "false",
  });
  await using server = await startBasalt(settings, pino({ level: "silent" }));
  const headers = await adminOf(server.url);
  const measured = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1)
    for (const [name, input] of Object.entries(inputs)) {
      const ms = await holdMs(server.url, input, headers);
      if (round > 0) measured.set(name, [...(measured.get(name) ?? []), ms]); // the first one warms up
    }
  return [...measured]
    .toSorted(([, a], [, b]) => median(b) - median(a))
    .slice(0, shown)
    .map(([name, ms]) => ({
      what: `event loop held by ${name}`,
      measured: `${spread(ms, 0)} ms`,
      bar: `≤ ${barMs} ms`,
      kept: median(ms) <= barMs,
    }));
}
