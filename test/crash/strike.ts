import { setTimeout as sleep } from "node:timers/promises";
import type { Process } from "../support/basalt.ts";
import type { Chance } from "./load.ts";

/** Something that takes a while, and must survive being killed meanwhile. */
export type Undertaking = {
  readonly begin: () => Process;
  /** What shows in the database that it is under way: another mark each time, or none. */
  readonly mark: () => Promise<string | undefined>;
  readonly isUnfinished: () => Promise<boolean>;
};

export type Strikes = { readonly hits: number; readonly kills: number };

/** Kills that must fall into it, and kills that are tried for as many. */
const wantedHits = 3;
const maxKills = 15;
/** From the mark to the kill, at most. */
const withinMs = 120;
const markMs = 30_000;

/** Begins it again and again, and kills it in the midst of it, until that has come about often enough. */
export async function strike(undertaking: Undertaking, chance: Chance): Promise<Strikes> {
  let [hits, kills] = [0, 0];
  while (hits < wantedHits) {
    if (kills === maxKills)
      throw new Error(`only ${hits} of ${kills} kills fell into it: nothing is shown`);
    await killOnce(undertaking, chance() * withinMs);
    kills += 1;
    if (await undertaking.isUnfinished()) hits += 1;
  }
  return { hits, kills };
}

async function killOnce({ begin, mark }: Undertaking, afterMs: number): Promise<void> {
  const before = await mark();
  const { child, ended, output } = begin();
  const isUnderWay = async () => {
    const now = await mark();
    return now !== undefined && now !== before;
  };
  for (const end = Date.now() + markMs; !(await isUnderWay()) && child.exitCode === null;)
    if (Date.now() > end) throw new Error(`it was never under way: ${output()}`);
  await sleep(afterMs);
  child.kill("SIGKILL");
  await ended;
}
