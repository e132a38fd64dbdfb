import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import autocannon from "autocannon";
import { createSecrets, masterKeys, newMasterKey } from "#platform/secrets/secrets.ts";
import { Coherence } from "#platform/cache/coherence.ts";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { systemClock as clock, systemTimers as timers } from "#platform/system.ts";
import { rememberedAuthentication } from "../src/contexts/identity/infrastructure/remembered-authentication.ts";
import { signedTokens } from "../src/contexts/identity/infrastructure/signed-tokens.ts";
import { ApiKeyToken } from "../src/contexts/identity/application/tokens.ts";
import { Instant } from "#kernel/instant.ts";
import { inTurn, ratios, signIn, unlimited, usOf } from "./http.ts";
import type { StormAnswers } from "./sign-in-storm.ts";
import {
  load,
  median,
  root,
  scratchFolder,
  spread,
  startServer,
  type Figure,
  type Server,
} from "./measure.ts";

const rounds = 5;
const calmSeconds = 4;
const readers = 8;
const stormers = 64;
const warmUpMs = 1_500;

/** What it costs to know who asks, and what a storm of sign-ins costs those who are in. */
export async function authenticationFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const env = { ...unlimited, BASALT_DATA_DIR: folder.path, BASALT_CONSUMERS: "false" };
  await using basalt = await startServer(["src/cli.ts", "start"], env);
  const connection = JSON.stringify(EmbeddedPostgres.running(folder.path));
  await using both = await startServer(["bench/open-beside-closed.ts"], {
    ...env,
    BENCH_CONNECTION: connection,
  });
  const { userId, headers } = await signIn(basalt);
  const path = `/api/v1/users/${userId}`;
  const pair = await inTurn(
    { server: both, request: { path, headers } },
    { server: both, request: { path: path.replace("/users/", "/open/users/") } },
    64,
  );
  const [ours, theirs] = pair;
  const more = ours.map(({ cpuUs }, i) => cpuUs - (theirs[i]?.cpuUs ?? NaN));
  const storm = await stormRatios(basalt, { path, headers });
  const hitUs = await cachedVerificationUs();
  return [
    {
      what: "GET user signed in, CPU over the same route open",
      measured: `${spread(more, 0)} µs (${usOf(ours)} against ${usOf(theirs)} µs, ${spread(ratios(pair, ({ perSecond }) => perSecond))} × requests)`,
      bar: "≤ 15 µs",
      kept: median(more) <= 15,
    },
    {
      what: "telling who shows a token that is known",
      measured: `${hitUs.toFixed(2)} µs`,
      bar: "< 5 µs",
      kept: hitUs < 5,
    },
    {
      what: `p99 of GET user, ${stormers} clients signing in, against calm`,
      measured: `${spread(storm.ratios)} × (${storm.p99Ms.toFixed(1)} ms; ${storm.verifiedPerSecond.toFixed(0)} passwords verified, ${storm.refusedPerSecond.toFixed(0)} refused /s)`,
      bar: "≤ 2 ×",
      kept: median(storm.ratios) <= 2,
    },
  ];
}

/** Calm, then storm, then calm …: the readers are the same few all the time. */
async function stormRatios(server: Server, request: autocannon.Request) {
  const read = () => load(server, { connections: readers, seconds: calmSeconds, request });
  await read();
  const ratios: number[] = [];
  const storms: number[] = [];
  const answers = { verified: 0, refused: 0 };
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const calm = await read();
    const storm = startStorm(server);
    await sleep(warmUpMs);
    const stormy = await read();
    const { verified, refused } = await storm.stop();
    answers.verified += verified;
    answers.refused += refused;
    ratios.push(stormy.p99Ms / calm.p99Ms);
    storms.push(stormy.p99Ms);
  }
  const seconds = (performance.now() - startedAt) / 1_000 - rounds * calmSeconds;
  return {
    ratios,
    p99Ms: median(storms),
    verifiedPerSecond: answers.verified / seconds,
    refusedPerSecond: answers.refused / seconds,
  };
}

/** In a process of its own: who measures shares no event loop with who storms. */
function startStorm({ url }: Server) {
  const child = fork(path.join(root, "bench/sign-in-storm.ts"), [url, String(stormers)]);
  const answers = once(child, "message") as Promise<[StormAnswers]>;
  return {
    async stop(): Promise<StormAnswers> {
      child.send("stop");
      const [told] = await answers;
      return told;
    },
  };
}

const lookups = 200_000;
const known = 1_000;

/** One lookup among a thousand tokens, each time as a new string, as it comes off the wire. */
async function cachedVerificationUs(): Promise<number> {
  const tokens = signedTokens(createSecrets(masterKeys(newMasterKey())));
  using coherence = new Coherence({
    alone: true,
    timers,
    changes: async () => ({ latest: { epoch: 0 }, subjects: [] }),
  });
  const whoIs = rememberedAuthentication({
    coherence,
    clock,
    noteUse: () => {},
    authenticate: async (credential) => ({
      principal: { actor: credential },
      until: Instant.plus(clock.now(), 3_600_000),
      toldFrom: [credential],
    }),
  });
  const wire = Array.from({ length: known }, (_, i) =>
    Buffer.from(`${tokens.issue(ApiKeyToken, { keyId: `key_${i}` as never })}${"x".repeat(300)}`),
  );
  for (const token of wire) await whoIs(token.toString("latin1"));
  const decode = performance.now();
  for (let i = 0; i < lookups; i += 1) wire[i % known]?.toString("latin1");
  const startedAt = performance.now();
  for (let i = 0; i < lookups; i += 1) {
    const found = whoIs(wire[i % known]?.toString("latin1") ?? "");
    if (found instanceof Promise) await found;
  }
  const decodingMs = startedAt - decode;
  return ((performance.now() - startedAt - decodingMs) * 1_000) / lookups;
}
