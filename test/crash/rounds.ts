import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chanceOf } from "../support/chance.ts";
import { launchDefective } from "../support/defective.ts";
import { sell } from "../support/http.ts";
import { smtpInbox, type SmtpInbox } from "../support/smtp.ts";
import { audit } from "./audit.ts";
import { faults, type Broken, type Fault } from "./faults.ts";
import { isDone, openLedger, skus, startLoad, type Ledger } from "./load.ts";
import { Site } from "./site.ts";

export type Round = {
  readonly fault: Fault;
  readonly done: number;
  readonly refused: number;
  readonly attempts: number;
  readonly broken: Broken;
  readonly complaints: readonly string[];
};

const clients = 12;

type Parts = {
  readonly site: Site;
  readonly ledger: Ledger;
  readonly inbox: SmtpInbox;
  readonly undo: AsyncDisposableStack;
};

/** What is hurt, and the world outside, which remembers what it was told. */
export class Arena implements AsyncDisposable {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async open(folder: string, defect?: string): Promise<Arena> {
    await using undo = new AsyncDisposableStack();
    const inbox = undo.use(await smtpInbox());
    const begin = (env: Readonly<Record<string, string>>) =>
      launchDefective("test/crash/defective.ts", defect ?? "", env);
    const site = undo.use(
      await Site.open({
        ...{ folder, env: { BASALT_SMTP_URL: inbox.url } },
        ...(defect === undefined ? {} : { begin }),
      }),
    );
    const target = site.target();
    if (target) await sell(target, 1, { name: "Crash", skus });
    const ledger = openLedger(path.join(folder, "ledger.jsonl"));
    return new Arena({ site, ledger, inbox, undo: undo.move() });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.undo.disposeAsync();
  }

  /** Load, a fault in the midst of it, and a look at what is left when all is quiet. */
  async round(n: number, fault: Fault, seed: number): Promise<Round> {
    const { site, ledger, inbox } = this.#parts;
    const chance = chanceOf(seed, n);
    const before = this.#count();
    const complaints: string[] = [];
    await site
      .signIn()
      .catch((error: unknown) => complaints.push(`nobody is there: ${String(error)}`));
    const load = startLoad({
      ...{ ledger, target: site.target },
      chances: Array.from({ length: clients }, (_, client) => chanceOf(seed, n, client)),
      name: `s${seed}r${n}`,
    });
    await sleep(200 + chance() * 1_000);
    const broken = await faults[fault](site, chance).catch((error: unknown) => {
      complaints.push(String(error));
      return {};
    });
    await sleep(200 + chance() * 500);
    const unanswered = await load.stop();
    complaints.push(...site.ended(), ...unanswered, ...(await site.settled()));
    const { connection, interruptions } = site;
    complaints.push(...(await audit({ connection, interruptions, inbox }, ledger)));
    const { done, refused } = this.#count();
    if (done === before.done) complaints.push("nothing was done: nothing is shown");
    return {
      ...{ fault, broken, attempts: load.attempts(), complaints },
      ...{ done: done - before.done, refused: refused - before.refused },
    };
  }

  #count(): { readonly done: number; readonly refused: number } {
    const all = [...this.#parts.ledger.acknowledged.values()];
    const done = all.filter(isDone).length;
    return { done, refused: all.length - done };
  }
}
