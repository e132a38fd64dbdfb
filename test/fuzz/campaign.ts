// npm run fuzz -- --seconds T --seed S: requests by chance, and what is wrong about the answers.
import http from "node:http";
import { parseArgs } from "node:util";
import * as fc from "fast-check";
import { alpacaServer } from "../../src/contexts/accounts/infrastructure/stand-ins/alpaca.ts";
import { scratch } from "../support/basalt.ts";
import { conclude, isSign, launchDefective, type Marks } from "../support/defective.ts";
import { endWithSignal } from "../support/signals.ts";
import { sequences, type Step } from "./arbitraries.ts";
import { judgeOf } from "./judge.ts";
import { watchMemory } from "./memory.ts";
import { operationsOf, type OpenApi } from "./openapi.ts";
import { play } from "./play.ts";
import { makeWorld, policiesOf, type World } from "./world.ts";

const usage = `usage: npm run fuzz -- [--seconds 60] [--seed 1] [--path P | --sequences N] [--defect NAME]
Asks Basalt whatever /openapi.json declares, and what it does not, and checks every answer against it.
The same seed draws the same requests; --path: only those that a failure has printed;
--sequences: so many from the first, however long that takes.
--defect: of a Basalt with this defect planted (see test/fuzz/defective.ts); it must be caught.`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    path: { type: "string" },
    sequences: { type: "string" },
    defect: { type: "string" },
    help: { type: "boolean" },
  },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
const most = Number(values.sequences ?? Number.MAX_SAFE_INTEGER);
if (values.help || !(seconds > 0) || !(most > 0) || !Number.isSafeInteger(seed)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

/** Of all operations, as a share, once so many requests were sent. */
const [leastGranted, manyRequests] = [0.7, 3_000];
/** Things get used up: after so many sequences there is a new world. */
const sequencesPerWorld = 50;

await using undo = new AsyncDisposableStack();
endWithSignal(undo);
const folder = undo.use(await scratch());
const broker = undo.use(await alpacaServer());
const env = {
  BASALT_DATA_DIR: folder.path,
  BASALT_LOG_LEVEL: "error",
  BASALT_ALPACA_URL: broker.url,
};
const server = undo.use(launchDefective("test/fuzz/defective.ts", values.defect ?? "", env));
const url = new URL(await server.url);
const openApi = (await (await fetch(new URL("/openapi.json", url))).json()) as OpenApi;
const operations = operationsOf(openApi);
const answers = new Map<string, Map<number, number>>();
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const stage = {
  url,
  agent,
  judge: judgeOf(openApi),
  operations: new Map(operations.map((operation) => [operation.name, operation])),
  onAnswer: (operation: string, status: number) => {
    const statuses = answers.get(operation) ?? new Map<number, number>();
    answers.set(operation, statuses.set(status, (statuses.get(status) ?? 0) + 1));
  },
};

const policies = await policiesOf(url.origin);
let played = 0;
let world: Promise<World> | undefined;
async function anew(steps: readonly Step[]): Promise<void> {
  if (played % sequencesPerWorld === 0)
    world = makeWorld(
      { url: url.origin, folder: folder.path, keys: broker.keys },
      `w${played}`,
      policies,
    );
  played += 1;
  const wrong = world && (await play(stage, await world, steps));
  if (wrong !== undefined) throw new Error(wrong);
}

const memory = watchMemory(new URL("/metrics", url));
const found = await fc.check(fc.asyncProperty(sequences(operations), anew), {
  seed,
  numRuns: most,
  markInterruptAsFailure: false,
  ...(values.sequences === undefined ? { interruptAfterTimeLimit: seconds * 1_000 } : {}),
  ...(values.path === undefined ? {} : { path: values.path, endOnFailure: true }),
});
agent.destroy();
const { growth, isFlat } = await memory.end();

const granted = operations.filter(({ name }) =>
  [...(answers.get(name)?.keys() ?? [])].some((status) => status < 300),
);
const never = operations.filter((operation) => !granted.includes(operation));
let asked = 0;
for (const statuses of answers.values()) for (const n of statuses.values()) asked += n;
console.log(`seed ${seed}: ${played} sequences, ${asked} requests; ${growth}`);
console.log(`${granted.length} of ${operations.length} operations granted something; never:`);
for (const { name } of never)
  console.log(
    `    ${name} (${[...(answers.get(name) ?? [])].map(String).join("; ") || "not asked"})`,
  );

const { numRuns, counterexample, counterexamplePath, errorInstance } = found;
const told = found.failed ? String(errorInstance) : undefined;
const isTooIdle = granted.length < operations.length * leastGranted && asked > manyRequests;
const wrong = [
  ...(told === undefined ? [] : [told]),
  ...(isFlat ? [] : ["memory grows"]),
  ...(isTooIdle ? ["hardly anything is granted: little is shown"] : []),
];
for (const what of wrong) console.log(what);
const planted = values.defect === undefined ? "" : ` --defect ${values.defect}`;
const again = `npm run fuzz -- --seed ${seed}${planted}`;
if (found.failed) {
  console.log(JSON.stringify(counterexample?.[0], undefined, 1));
  console.log(`again: ${again} --path ${counterexamplePath}`);
}
if (wrong.length > 0) console.log(`with all before it: ${again} --sequences ${numRuns}`);

const marks: Marks = {
  "internal-error": /answers 500/,
  "undeclared-status": /answers 418, which is not declared/,
  "wrong-shape": /does not fit its schema/,
  "told-statement": /tells how it is made/,
  "broken-off": /does not answer, or not to the end/,
  "open-door": /to somebody who has not signed in/,
  "growing-memory": /memory grows/,
};
conclude(values.defect, wrong.some(isSign(values.defect, marks)));
