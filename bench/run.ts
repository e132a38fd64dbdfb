// npm run bench [-- start http authentication catalog accounts ledger statements drive drive-nodes webdav tus search holds hostile unit-of-work events backup
// peers]: every figure with its bar, as a table. Exit code 1 where one is missed.
import os from "node:os";
import { accountsFigures } from "./accounts.ts";
import { authenticationFigures } from "./authentication.ts";
import { backupFigures } from "./backup.ts";
import { catalogFigures } from "./catalog.ts";
import { driveFigures } from "./drive.ts";
import { nodeFigures } from "./drive-nodes.ts";
import { eventFigures } from "./events.ts";
import { holdFigures } from "./holds.ts";
import { hostileFigures } from "./hostile.ts";
import { httpFigures } from "./http.ts";
import { ledgerFigures } from "./ledger.ts";
import { asked as requests, type Figure } from "./measure.ts";
import { drawChart, peerFigures } from "./peers.ts";
import { searchFigures } from "./search.ts";
import { startFigures } from "./start.ts";
import { statementFigures } from "./statements.ts";
import { webdavFigures } from "./webdav.ts";
import { tusFigures } from "./tus.ts";
import { unitOfWorkFigures } from "./unit-of-work.ts";

const suites: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  start: startFigures,
  http: httpFigures,
  authentication: authenticationFigures,
  catalog: catalogFigures,
  accounts: accountsFigures,
  ledger: ledgerFigures,
  statements: statementFigures,
  drive: driveFigures,
  "drive-nodes": nodeFigures,
  webdav: webdavFigures,
  tus: tusFigures,
  search: searchFigures,
  holds: holdFigures,
  hostile: hostileFigures,
  "unit-of-work": unitOfWorkFigures,
  events: eventFigures,
  backup: backupFigures,
  peers: peerFigures,
};

/** These take long, and gigabytes of disk: they run where they are asked for. */
const onlyAsked = new Set(["drive-nodes"]);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in suites));
if (unknown.length > 0 || asked.includes("--help")) {
  console.log(`usage: npm run bench [-- ${Object.keys(suites).join(" ")}]
Every figure with its bar, as a table; exit code 1 where one is missed. A whole run draws the chart, and leaves out ${[...onlyAsked].join(", ")}.`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const [cpu] = os.cpus();
const machine =
  `${os.availableParallelism()} cores of ${cpu?.model ?? "unknown"}, ` +
  `${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.versions.node}`;
console.log(`${machine}\n`);
console.log("| what | measured: median (least–most) | bar | |\n|---|---|---|---|");
const figures: Figure[] = [];
for (const [name, suite] of Object.entries(suites)) {
  const isWanted = asked.length > 0 ? asked.includes(name) : !onlyAsked.has(name);
  if (!isWanted) continue;
  for (const figure of await suite()) {
    const { what, measured, bar, kept } = figure;
    console.log(`| ${what} | ${measured} | ${bar} | ${kept ? "kept" : "**missed**"} |`);
    figures.push(figure);
  }
}
if (requests.total > 0) {
  const { total, failed } = requests;
  console.log(`\n${failed} of ${total} requests of all loads failed.`);
}
if (asked.length === 0) drawChart(figures, machine);
process.exitCode = figures.every(({ kept }) => kept) ? 0 : 1;
