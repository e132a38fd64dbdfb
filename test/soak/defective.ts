// A Basalt with a defect planted: what the soak must catch.
import { openSync } from "node:fs";
import { chosenOf, serveDefective, spoiledBy, spoiling, type Spoil } from "../support/defective.ts";

const kept: Buffer[] = [];
const keptBytes = 65_536;
let requests = 0;
/** So rarely that nobody would notice by hand. */
const oneOf = 50;

const lateMs = 100;

const defects: Readonly<Record<string, Spoil>> = {
  /** Something is kept of every request. */
  "growing-memory": () => void kept.push(Buffer.alloc(keptBytes, 1)),
  /** Some requests leave a file open. */
  "open-files": () => {
    if ((requests += 1) % oneOf === 0) openSync(import.meta.filename, "r");
  },
  /** What is asked takes longer and longer. */
  "growing-latency": (request) => {
    const until = performance.now() + (requests += 1) / 1_000;
    while (request.method === "GET" && performance.now() < until);
  },
  /** Something is acknowledged, and not kept. */
  forgetful: spoiling(/^POST \/api\/v1\/products$/, (status, body) => [
    status,
    (requests += 1) % oneOf === 0
      ? body.replace(/"product_\w+"/, `"product_${"0".repeat(26)}"`)
      : body,
  ]),
  /** Whoever is refused hears of it late. */
  "late-refusals": (_, response) => {
    const end = response.end.bind(response);
    response.end = (...said: readonly unknown[]) => {
      const answer = () => (end as (...some: readonly unknown[]) => void)(...said);
      if (response.statusCode === 503) setTimeout(answer, lateMs);
      else answer();
      return response;
    };
  },
};

await serveDefective(spoiledBy(chosenOf(defects)));
