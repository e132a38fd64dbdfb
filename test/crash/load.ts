import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe } from "#platform/events/failure.ts";
import { ofx } from "../../src/contexts/accounts/testing/statement-files.ts";
import { tarOf } from "../../src/contexts/drive/testing/archives.ts";
import type { Chance } from "../support/chance.ts";
import type { Broker } from "./broker.ts";
import type { Target } from "./site.ts";

/** A request that is sent until somebody answers it, always with the same idempotency key. */
export type Operation = {
  readonly key: string;
  readonly kind:
    | "user"
    | "product"
    | "receipt"
    | "reservation"
    | "import"
    | "statement"
    | "sync"
    | "file"
    | "revision"
    | "copy"
    | "batch"
    | "upload"
    | "chunks"
    | "commit"
    | "transfer"
    | "posting"
    | "voiding";
  /** POST unless said. */
  readonly method?: "POST" | "PUT";
  readonly path: string;
  /** The tag of the version that it is based on. */
  readonly match?: string;
  /** The key of the request that made what this one is about. */
  readonly about?: string;
  /** As JSON; a file as it is, of the type. */
  readonly body: object | string;
  readonly type?: string;
};

export const isDone = ({ status }: Acknowledged): boolean => status < 300;

/** What the world outside was told: kept where no crash of Basalt reaches it. */
export type Acknowledged = Operation & { readonly status: number; readonly answer: string };

export type Ledger = {
  readonly acknowledged: Map<string, Acknowledged>;
  /** Whoever was told two different things for one key, or something that cannot be so. */
  readonly contradictions: string[];
  readonly note: (told: Acknowledged) => void;
  /** An attempt, with the note of its answer. */
  readonly follow: <T>(attempt: Promise<T>) => Promise<T>;
  /** Returns when every attempt that is under way now has ended, and its answer is noted. */
  readonly settled: () => Promise<void>;
  /** Takes back all but the requests of these keys: the others have not happened. */
  readonly keepOnly: (keys: ReadonlySet<string>) => void;
};

/** All that these may be refused for; nothing else may be refused at all. */
const shortages: Partial<Record<Operation["kind"], readonly string[]>> = {
  reservation: ["OUT_OF_STOCK", "TOO_MANY_RESERVATIONS"],
  transfer: ["INSUFFICIENT_FUNDS"],
  posting: ["TRANSFER_RESOLVED"],
  voiding: ["TRANSFER_RESOLVED"],
};

export function openLedger(file: string): Ledger {
  const acknowledged = new Map<string, Acknowledged>();
  const contradictions: string[] = [];
  const underWay = new Set<Promise<unknown>>();
  const undone = new Set<string>();
  return {
    async follow(attempt) {
      underWay.add(attempt);
      try {
        return await attempt;
      } finally {
        underWay.delete(attempt);
      }
    },
    settled: async () => void (await Promise.allSettled(underWay)),
    acknowledged,
    contradictions,
    keepOnly(keys) {
      for (const key of acknowledged.keys())
        if (!keys.has(key)) {
          acknowledged.delete(key);
          undone.add(key);
        }
    },
    note(told) {
      appendFileSync(file, `${JSON.stringify(told)}\n`);
      // A restore took back what a client had been told of: the client finds it gone.
      const isGone = told.status === 404 || told.answer === "CHUNKS_MISSING";
      if (isGone && told.about !== undefined && undone.has(told.about)) return;
      const before = acknowledged.get(told.key);
      const wasDone = before !== undefined && isDone(before);
      if (wasDone && before.answer !== told.answer)
        contradictions.push(`two answers to ${told.key}: ${before.answer}, then ${told.answer}`);
      if (!isDone(told) && !shortages[told.kind]?.includes(told.answer))
        contradictions.push(`${told.kind} ${told.key} was refused: ${told.answer}`);
      // What was refused left no trace: the same request may be granted later.
      if (!wasDone) acknowledged.set(told.key, told);
    },
  };
}

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

const octets = "application/octet-stream";

/** Text that no other key has, of some chunks. */
const textOf = (key: string, chance: Chance): string =>
  Array.from({ length: 1 + Math.floor(chance() * 4_000) }, (_, i) => `${key} ${i * i}`).join("\n");

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

/** Small files that come together, as a tar archive. */
export const batchedFiles = 5;
const batchOf = (key: string): readonly { readonly name: string; readonly text: string }[] =>
  Array.from({ length: batchedFiles }, (_, i) => ({
    name: `${key}-b${i}`,
    // The last two are equal.
    text: `${key} ${Math.min(i, batchedFiles - 2)}`.repeat(40),
  }));
export const batchedTexts = (key: string) => batchOf(key).map(({ text }) => text);

/** A content that comes as one chunk of an upload. */
export const uploadedText = (key: string): string => `${key} came in parts. `.repeat(60);

function uploadOf(key: string, folder: string): Operation {
  const text = uploadedText(key);
  const hash = createHash("sha256").update(text).digest("hex");
  return {
    key,
    kind: "upload",
    path: `/drive/nodes/${folder}/uploads?name=${key}-up&size=${text.length}&hash=${hash}`,
    body: JSON.stringify({ hash, size: text.length }),
    type: "application/x-ndjson",
  };
}

const chunksOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-chunks`,
  about: key,
  kind: "chunks",
  method: "PUT",
  path: `/drive/uploads/${answer}/chunks?chunks=0`,
  body: uploadedText(key),
  type: octets,
});

/** Its key is the name of the file that it makes. */
const commitOf = ({ key, path: chunks }: Acknowledged): Operation => ({
  key: key.replace(/-chunks$/, "-up"),
  about: key,
  kind: "commit",
  path: chunks.replace(/chunks.*$/, "commit"),
  body: {},
});

/** Another file with the content that a file has by now. */
const copyOf = ({ key, answer }: Acknowledged): Operation => ({
  key: `${key}-copy`,
  about: key,
  kind: "copy",
  path: `/drive/nodes/${answer}/copies`,
  body: { name: `${key}-copy` },
});

/** Another content of a file or a copy of it, unless it is left alone. */
function changeOf(told: Acknowledged, chance: Chance): Operation | undefined {
  const { key, answer } = told;
  const draw = chance();
  if (draw < 0.2) return undefined;
  if (draw < 0.5) return copyOf(told);
  return {
    key: `${key}-rev`,
    about: key,
    kind: "revision",
    method: "PUT",
    path: `/drive/nodes/${answer}/content`,
    match: '"r1"',
    body: textOf(`${key}-rev`, chance),
    type: octets,
  };
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
  if (told.kind === "file") return changeOf(told, chance);
  if (told.kind === "revision" && chance() < 0.5) return copyOf(told);
  if (told.kind === "upload") return chunksOf(told);
  if (told.kind === "chunks") return commitOf(told);
  const isHeld = told.kind === "transfer" && "holdS" in (told.body as Payment);
  return isHeld ? endOf(told, chance) : undefined;
}

/** Something that people do, by chance. */
async function operationOf(
  key: string,
  { accounts, syncs, folder }: Pick<LoadOptions, "accounts" | "syncs" | "folder">,
  chance: Chance,
): Promise<Operation> {
  if (chance() < 0.25) return paymentOf(key, accounts, chance);
  if (chance() < 0.03) return { key, kind: "sync", path: syncs, body: {} };
  if (chance() < 0.05) {
    const to = `/drive/nodes/${folder}/files?name=${key}`;
    return { key, kind: "file", path: to, body: textOf(key, chance), type: octets };
  }
  if (chance() < 0.03) return uploadOf(key, folder);
  if (chance() < 0.03) {
    const body = (await tarOf(batchOf(key))).toString();
    const to = `/drive/nodes/${folder}/batch`;
    return { key, kind: "batch", path: to, body, type: "application/x-tar" };
  }
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
        "content-type": type,
        "idempotency-key": key,
        ...(match === undefined ? {} : { "if-match": match }),
        ...signed,
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
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
    const told = await attempt(at, operation);
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
