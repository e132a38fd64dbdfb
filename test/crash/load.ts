import { setTimeout as sleep } from "node:timers/promises";
import { describe } from "#platform/events/failure.ts";
import { ofx } from "../../src/contexts/accounts/testing/statement-files.ts";
import type { Chance } from "../support/chance.ts";
import type { Broker } from "./broker.ts";
import { archiveOf, piecesOf, putOf, requestsOf, sequelOfFile, uploadOf } from "./files.ts";
import { isDone, type Acknowledged, type Ledger, type Operation } from "./ledger.ts";
import type { Target } from "./site.ts";

const password = "correct horse battery";
export const skus = ["CRASH-A", "CRASH-B", "CRASH-C"] as const;

/** Each makes a product of its own. */
export const importedRows = 8;
const fileOf = (key: string): string =>
  Array.from(
    { length: importedRows },
    (_, i) => `${key}-${i},Imported,Crashes.,I-${key}-${i},draft`,
  )
    .toSpliced(0, 0, "slug,name,description,skus,status")
    .join("\n");

/** Rows of a bank's file, of a cent each, into one account. */
export const statementRows = 6;
const bankFileOf = (key: string): string =>
  ofx({
    rows: Array.from({ length: statementRows }, (_, i) => ({
      id: `${key}-${i}`,
      date: "2026-08-03",
      amount: "0.01",
      // Names are compared by their letters and digits, and one that was cut is alike: none may be, without its signs, how another begins.
      name: `Row ${i} of ${key.replaceAll("-", "x")} ends`,
    })),
  });

/** What a transfer moves, in cents; one that is held moves nothing until it is posted. */
export type Payment = {
  readonly legs: readonly [
    { readonly from: string; readonly to: string; readonly amount: { readonly amount: string } },
  ];
  readonly holdS?: number;
};

/** Accounts that money goes to and fro between, and what each has at first. */
export const accountsOfCrash = 10;
export const firstBalance = "100.00";

/** Money from one account to another, at once or held for some seconds. */
function paymentOf(key: string, accounts: readonly string[], chance: Chance): Operation {
  const from = Math.floor(chance() * accounts.length);
  const to = (from + 1 + Math.floor(chance() * (accounts.length - 1))) % accounts.length;
  const amount = { amount: (0.01 + chance() * 40).toFixed(2), currency: "EUR" };
  const body = {
    legs: [{ from: accounts[from], to: accounts[to], amount }],
    ...(chance() < 0.3 ? { holdS: 1 + Math.floor(chance() * 3) } : {}),
  };
  return { key, kind: "transfer", path: "/transfers", body };
}

/** The end of a transfer that is held, unless it is left to expire. */
function endOf({ key, answer }: Acknowledged, chance: Chance): Operation | undefined {
  const draw = chance();
  if (draw > 0.7) return undefined;
  const kind = draw < 0.4 ? "posting" : "voiding";
  const to = `/transfers/${answer}/${kind}`;
  return { key: `${key}-end`, about: key, kind, path: to, body: {} };
}

/** Something that people do with what they have done before. */
function sequelOf(told: Acknowledged, chance: Chance): Operation | undefined {
  const isHeld = told.kind === "transfer" && "holdS" in (told.body as Payment);
  return isHeld ? endOf(told, chance) : sequelOfFile(told, chance);
}

/** Something that people do, by chance. */
async function operationOf(
  key: string,
  { accounts, syncs, folder }: Pick<LoadOptions, "accounts" | "syncs" | "folder">,
  chance: Chance,
): Promise<Operation> {
  if (chance() < 0.25) return paymentOf(key, accounts, chance);
  if (chance() < 0.03) return { key, kind: "sync", path: syncs, body: {} };
  if (chance() < 0.05) return putOf(key, folder, chance);
  if (chance() < 0.03) return uploadOf(key, folder);
  if (chance() < 0.03) return archiveOf(key, folder);
  if (chance() < 0.03) return piecesOf(key);
  const draw = chance();
  const sku = skus[Math.floor(chance() * skus.length)] ?? skus[0];
  if (draw < 0.15) {
    const body = { email: `${key}@example.com`, name: key, password };
    return { key, kind: "user", path: "/users", body };
  }
  if (draw < 0.4) {
    const body = { name: key, description: "Crashes.", skus: [`SKU-${key}`] };
    return { key, kind: "product", path: "/products", body };
  }
  if (draw < 0.45)
    return { key, kind: "import", path: "/imports?kind=products", body: fileOf(key) };
  if (draw < 0.5) {
    const type = "application/x-ofx";
    return { key, kind: "statement", path: "/imports/statements", body: bankFileOf(key), type };
  }
  if (draw < 0.6)
    return { key, kind: "receipt", path: `/stock/${sku}/receipts`, body: { quantity: 5 } };
  const body = { quantity: 1 + Math.floor(chance() * 3), holdS: 1 + Math.floor(chance() * 5) };
  return { key, kind: "reservation", path: `/stock/${sku}/reservations`, body };
}

const answerMs = 5_000;

/** What came in place of an answer, and how long the client waits before it asks again. */
type Unanswered = { readonly what: string; readonly pauseMs: number };
const pauseMs = 20;

/** Sends an operation once. Unanswered: it was not done, or the client cannot know whether it was. */
async function attempt(
  { url, headers }: NonNullable<Target>,
  {
    key,
    path,
    body,
    kind,
    method = "POST",
    match,
    type = typeof body === "string" ? "text/csv" : "application/json",
  }: Operation,
): Promise<Pick<Acknowledged, "status" | "answer"> | Unanswered> {
  const signed = kind === "user" ? {} : headers;
  try {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": type }),
        "idempotency-key": key,
        ...(match === undefined ? {} : { "if-match": match }),
        ...signed,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMs),
    });
    const text = await answer.text();
    const unanswered = { what: `${answer.status} ${text}`, pauseMs };
    if (answer.status >= 500) return unanswered;
    // Passwords are hashed at a low priority: clients that asked at once again would keep it from that.
    if (answer.status === 429)
      return { ...unanswered, pauseMs: Number(answer.headers.get("retry-after")) * 1_000 };
    return { status: answer.status, answer: outcomeOf(text) };
  } catch (error) {
    return { what: describe(error), pauseMs };
  }
}

/** Sends a file in pieces, all of them again where an answer was lost. */
async function attemptPieces(
  { url, headers }: NonNullable<Target>,
  operation: Operation,
): Promise<Pick<Acknowledged, "status" | "answer"> | Unanswered> {
  let id = "";
  for (const { method, url: at, body, goesOn, destination } of requestsOf(operation, url))
    try {
      const answer = await fetch(at, {
        method,
        headers: { ...headers, ...(destination === undefined ? {} : { destination }) },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(answerMs),
      });
      const text = await answer.text();
      const { status } = answer;
      // A restore may have taken back what the client has begun.
      if (status >= 500 || status === 404 || status === 429)
        return { what: `${status} ${text}`, pauseMs };
      if (!goesOn.includes(status)) return { status, answer: `${method} ${status} ${text}` };
      id = answer.headers.get("oc-fileid") ?? id;
    } catch (error) {
      return { what: describe(error), pauseMs };
    }
  return { status: 200, answer: id };
}

/** The files that an archive has become. */
type Made = readonly { readonly node?: { readonly id: string } }[];
const idsOf = (items: Made = []): string => items.map(({ node }) => node?.id).join(" ");

/** What must be the same in every answer to one key: the id, or the code of a refusal. */
function outcomeOf(text: string): string {
  if (text === "") return "done";
  const { id, code, sku, items } = JSON.parse(text) as Readonly<Record<string, string>> & {
    readonly items?: Made;
  };
  return id ?? code ?? sku ?? idsOf(items);
}

export type Load = {
  /** Ends when everything that was begun is acknowledged; tells what was not, after a while. */
  readonly stop: () => Promise<readonly string[]>;
  readonly attempts: () => number;
};

type LoadOptions = {
  readonly ledger: Ledger;
  readonly target: () => Target;
  readonly accounts: readonly string[];
  readonly broker: Pick<Broker, "payIn">;
  /** Where syncs with the brokerage are asked for. */
  readonly syncs: string;
  /** The folder that files are put in. */
  readonly folder: string;
  /** Of each client. */
  readonly chances: readonly Chance[];
  /** Leads each key: of the round. */
  readonly name: string;
};

/** How long clients go on asking when the round is over. */
const patienceMs = 60_000;
/** So often an operation that was acknowledged is sent again, as a client that lost the answer. */
const repeated = 0.2;

/** Clients that do one thing after the other until they are stopped, across every crash. */
export function startLoad(options: LoadOptions): Load {
  const { ledger, target, broker, chances, name } = options;
  const stop = new AbortController();
  let attempts = 0;
  const unanswered: string[] = [];
  let giveUp = new AbortController().signal;
  async function once(at: NonNullable<Target>, operation: Operation) {
    const told = await (operation.kind === "pieces" ? attemptPieces : attempt)(at, operation);
    if ("status" in told) ledger.note({ ...operation, ...told });
    return told;
  }
  async function send(operation: Operation): Promise<void> {
    for (;;) {
      const at = target();
      attempts += 1;
      const told = at
        ? await ledger.follow(once(at, operation))
        : { what: "there is no server", pauseMs };
      if ("status" in told) return;
      if (giveUp.aborted)
        return void unanswered.push(`${operation.key} was never answered: ${told.what}`);
      await sleep(told.pauseMs);
    }
  }
  async function client(chance: Chance, who: number): Promise<void> {
    const sequel = (key: string) => {
      const told = ledger.acknowledged.get(key);
      return told && isDone(told) ? sequelOf(told, chance) : undefined;
    };
    for (let made = 1; !stop.signal.aborted; made += 1) {
      const operation = await operationOf(`${name}c${who}-${made}`, options, chance);
      if (operation.kind === "sync") broker.payIn(operation.key);
      await send(operation);
      if (chance() < repeated) await send(operation);
      for (let next = sequel(operation.key); next; next = sequel(next.key)) {
        await send(next);
        if (chance() < repeated) await send(next);
      }
    }
  }
  const running = chances.map(client);
  return {
    attempts: () => attempts,
    async stop() {
      stop.abort();
      giveUp = AbortSignal.timeout(patienceMs);
      await Promise.all(running);
      return unanswered;
    },
  };
}
