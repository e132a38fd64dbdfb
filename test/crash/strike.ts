import { setTimeout as sleep } from "node:timers/promises";
import type { Process } from "../support/basalt.ts";
import type { Chance } from "../support/chance.ts";

/** Something that takes a while, and must survive being killed meanwhile. */
export type Undertaking = {
  readonly begin: () => Process;
  /** What shows in the database that it is under way: another mark each time, or none. */
  readonly mark: () => Promise<string | undefined>;
  readonly isUnfinished: () => Promise<boolean>;
  /** Done after a kill that came too late. */
  readonly beginAnew?: () => Promise<void>;
  /** Whether it may have ended by itself, from what it has printed. */
  readonly mayEnd?: (output: string) => boolean;
};

export type Strikes = { readonly hits: number; readonly kills: number };

/** Kills that must fall into it, and times that it is begun for them. */
const wantedHits = 3;
const maxTries = 20;
/** From the mark to the kill, at most; less after each that came too late. */
const withinMs = 120;
const markMs = 30_000;

/** Begins it again and again, and kills it in the midst of it, until that has come about often enough. */
export async function strike(undertaking: Undertaking, chance: Chance): Promise<Strikes> {
  const { begin, isUnfinished, beginAnew, mayEnd } = undertaking;
  let [hits, kills, latestMs] = [0, 0, withinMs];
  for (let tries = 0; hits < wantedHits; tries += 1) {
    if (tries === maxTries)
      throw new Error(`only ${hits} of ${kills} kills fell into it: nothing is shown`);
    const victim = begin();
    await untilUnderWay(undertaking, victim);
    const wasKilled = await killOnce(victim, chance() * latestMs);
    if (!wasKilled && victim.child.exitCode !== 0 && !mayEnd?.(victim.output()))
      throw new Error(`it ended by itself: ${victim.output()}`);
    if (wasKilled) kills += 1;
    if (wasKilled && (await isUnfinished())) hits += 1;
    else {
      latestMs /= 2;
      await beginAnew?.();
    }
  }
  return { hits, kills };
}

/** Answers whether it was still there to be killed. */
export async function killOnce({ child, ended }: Process, afterMs: number): Promise<boolean> {
  await sleep(afterMs);
  child.kill("SIGKILL");
  await ended;
  return child.signalCode === "SIGKILL";
}

/** Until it is seen under way, or is over: on a busy machine it may have been too quick to be seen. */
async function untilUnderWay({ mark }: Undertaking, victim: Process): Promise<void> {
  const { child, output } = victim;
  const isOver = () => child.exitCode !== null || /Basalt is ready at/.test(output());
  const before = await mark();
  for (const end = Date.now() + markMs; !isOver(); await sleep(2)) {
    const now = await mark();
    if (now !== undefined && now !== before) return;
    if (Date.now() <= end) continue;
    await killOnce(victim, 0);
    throw new Error(`it was never under way: ${output()}`);
  }
}
