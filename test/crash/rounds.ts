import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chanceOf } from "../support/chance.ts";
import { launchDefective } from "../support/defective.ts";
import { ask } from "../support/database.ts";
import { openBook, openDrive, sell } from "../support/http.ts";
import { smtpInbox, type SmtpInbox } from "../support/smtp.ts";
import { audit, reader } from "./audit.ts";
import { openBroker, type Broker } from "./broker.ts";
import { faults, type Broken, type Fault, type World } from "./faults.ts";
import { isDone, openLedger, type Ledger } from "./ledger.ts";
import { accountsOfCrash, firstBalance, skus, startLoad } from "./load.ts";
import { Site } from "./site.ts";
import { openReceiver, type Receiver } from "./trails/receiver.ts";
import { makeTrails, schema as trailSchema } from "./trails/trails.ts";

export type Round = {
  readonly fault: Fault;
  readonly done: number;
  readonly refused: number;
  readonly attempts: number;
  readonly broken: Broken;
  readonly complaints: readonly string[];
};

const clients = 12;
/** Emails under way at a time: so many may be sent again where something is interrupted. */
const emailsAtATime = 4;
/** Every other mailbox is full until the others have got theirs. */
const isFull = (address: string): boolean => /[13579]@/.test(address);
const full = { code: 452, text: "the mailbox is full" } as const;
const welcomeMs = 20_000;
const tellMs = 20_000;

/** Who has registered gets an email, whatever becomes of those whose mailbox is full. */
async function welcomed({ ledger, inbox }: World): Promise<readonly string[]> {
  const waiting = () => {
    const sent = new Set(inbox.envelopes.flat());
    return [...ledger.acknowledged.values()]
      .filter((one) => one.kind === "user" && isDone(one))
      .map(({ key }) => `${key}@example.com`)
      .filter((address) => !isFull(address) && !sent.has(address));
  };
  for (const end = Date.now() + welcomeMs; waiting().length > 0; await sleep(100))
    if (Date.now() > end)
      return [`emails wait for those that are refused: ${waiting().slice(0, 3).join()}`];
  return [];
}

type Parts = {
  readonly site: Site;
  readonly ledger: Ledger;
  readonly accounts: readonly string[];
  readonly inbox: SmtpInbox;
  readonly receiver: Receiver;
  readonly broker: Broker;
  readonly syncs: string;
  /** The folder that files are put in. */
  readonly folder: string;
  readonly quietStartMs: number;
  readonly undo: AsyncDisposableStack;
};

/** What is hurt, and the world outside, which remembers what it was told. */
export class Arena implements AsyncDisposable {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async open(folder: string, defect = ""): Promise<Arena> {
    await using undo = new AsyncDisposableStack();
    const inbox = undo.use(await smtpInbox());
    const receiver = undo.use(await openReceiver(Math.random));
    const broker = undo.use(await openBroker());
    const begin = (env: Readonly<Record<string, string>>) =>
      launchDefective("test/crash/server.ts", defect, env);
    const site = undo.use(
      await Site.open({
        folder,
        begin,
        beside: { logs: [trailSchema], prepare: makeTrails },
        env: {
          BASALT_SMTP_URL: inbox.url,
          BASALT_SMTP_MAX_CONNECTIONS: String(emailsAtATime),
          TRAIL_RECEIVER: receiver.url,
          BASALT_ALPACA_URL: broker.url,
        },
      }),
    );
    const target = site.target();
    if (!target) throw new Error("nobody is there to begin with");
    await sell(target, 1, { name: "Crash", skus });
    const accounts = await openBook(target, accountsOfCrash, firstBalance);
    const syncs = await broker.connect(target);
    const spaceRoot = await openDrive(target);
    const ledger = openLedger(path.join(folder, "ledger.jsonl"));
    const quietStartMs = await site.restart();
    const outside = { ledger, inbox, receiver, broker };
    const there = { site, accounts, syncs, folder: spaceRoot };
    return new Arena({ ...outside, ...there, quietStartMs, undo: undo.move() });
  }

  /** How long the server takes to be ready where nobody asks for anything, ms. */
  get quietStartMs(): number {
    return this.#parts.quietStartMs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.undo.disposeAsync();
  }

  /** Load, a fault in the midst of it, and a look at what is left when all is quiet. */
  async round(n: number, fault: Fault, seed: number): Promise<Round> {
    const { site, ledger, accounts, inbox, receiver, broker, syncs, folder } = this.#parts;
    const chance = chanceOf(seed, n);
    const before = this.#count();
    const complaints: string[] = [];
    await site
      .signIn()
      .catch((error: unknown) => complaints.push(`nobody is there: ${String(error)}`));
    await this.#tell(`r${n}`);
    const load = startLoad({
      ledger,
      accounts,
      broker,
      syncs,
      folder,
      target: site.target,
      chances: Array.from({ length: clients }, (_, client) => chanceOf(seed, n, client)),
      name: `s${seed}r${n}`,
    });
    await sleep(200 + chance() * 1_000);
    inbox.verdicts = { receiver: (address) => (isFull(address) ? full : undefined) };
    const broken = await faults[fault](site, chance, { ledger, inbox }).catch((error: unknown) => {
      complaints.push(String(error));
      return {};
    });
    await sleep(200 + chance() * 500);
    const unanswered = await load.stop();
    await this.#tell(null);
    complaints.push(...site.ended(), ...unanswered, ...(await welcomed({ ledger, inbox })));
    inbox.verdicts = {};
    complaints.push(...(await broker.synced(site.target, syncs)), ...(await site.settled()));
    const { connection, interruptions } = site;
    const repeatable = interruptions * emailsAtATime;
    const deposits = broker.deposits();
    const contentOf = reader(site.target);
    const found = { connection, repeatable, accounts, deposits, contentOf, inbox, receiver };
    complaints.push(...(await audit(found, ledger)));
    const { done, refused } = this.#count();
    if (done === before.done) complaints.push("nothing was done: nothing is shown");
    return {
      fault,
      broken,
      attempts: load.attempts(),
      complaints,
      done: done - before.done,
      refused: refused - before.refused,
    };
  }

  /** What the campaign's own context is to write to, as soon as Postgres answers. */
  async #tell(round: string | null): Promise<void> {
    const name = round === null ? "null" : `'${round}'`;
    for (const end = Date.now() + tellMs; ; await sleep(50))
      try {
        return void (await ask(
          this.#parts.site.connection,
          `insert into trail.rounds (name) values (${name})`,
        ));
      } catch (error) {
        if (Date.now() > end) throw error;
      }
  }

  #count(): { readonly done: number; readonly refused: number } {
    const all = [...this.#parts.ledger.acknowledged.values()];
    const done = all.filter(isDone).length;
    return { done, refused: all.length - done };
  }
}
