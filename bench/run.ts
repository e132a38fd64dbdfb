// npm run bench [-- start http authentication catalog search unit-of-work events peers]: every figure with its bar, as a table.
import os from "node:os";
import { authenticationFigures } from "./authentication.ts";
import { catalogFigures } from "./catalog.ts";
import { eventFigures } from "./events.ts";
import { httpFigures } from "./http.ts";
import type { Figure } from "./measure.ts";
import { peerFigures } from "./peers.ts";
import { searchFigures } from "./search.ts";
import { startFigures } from "./start.ts";
import { unitOfWorkFigures } from "./unit-of-work.ts";

const suites: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  start: startFigures,
  http: httpFigures,
  authentication: authenticationFigures,
  catalog: catalogFigures,
  search: searchFigures,
  "unit-of-work": unitOfWorkFigures,
  events: eventFigures,
  peers: peerFigures,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in suites));
if (unknown.length > 0 || asked.includes("--help")) {
  console.log(`usage: npm run bench [-- ${Object.keys(suites).join(" ")}]`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const [cpu] = os.cpus();
console.log(
  `${os.availableParallelism()} cores of ${cpu?.model ?? "unknown"}, ` +
    `${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.versions.node}\n`,
);
console.log("| what | measured: median (least–most) | bar | |\n|---|---|---|---|");
for (const [name, suite] of Object.entries(suites)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  for (const { what, measured, bar, kept } of await suite())
    console.log(`| ${what} | ${measured} | ${bar} | ${kept ? "kept" : "**missed**"} |`);
}
