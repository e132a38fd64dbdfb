import { setTimeout as sleep } from "node:timers/promises";
import type { Site } from "../crash/site.ts";
import type { Chance } from "../support/chance.ts";

/** What has been asked in some time, and what became of it, whenever that was. */
export type Tally = {
  readonly latenciesMs: number[];
  failed: number;
  refused: number;
};

type Asked = { readonly method: string; readonly path: string; readonly body?: object };

export type Shelf = { readonly skus: readonly string[]; readonly products: readonly string[] };

const pick = <T>(some: readonly T[], chance: Chance): T | undefined =>
  some[Math.floor(chance() * some.length)];

/** Something that a shop is asked all day: seven reads to three writes. */
function asked({ skus, products }: Shelf, n: number, name: string, chance: Chance): Asked {
  const draw = chance();
  const sku = pick(skus, chance) ?? "";
  if (draw < 0.4) return { method: "GET", path: `/products/${pick(products, chance)}` };
  if (draw < 0.6) return { method: "GET", path: "/products/search?q=shirt&facets=true" };
  if (draw < 0.7) return { method: "GET", path: `/stock/${sku}` };
  if (draw < 0.75) {
    const body = { email: `${name}-${n}@example.com`, name: "Ada Lovelace" };
    return { method: "POST", path: "/users", body };
  }
  if (draw < 0.8) return { method: "POST", path: "/products", body: { name: `${name} ${n}` } };
  if (draw < 0.9) return { method: "POST", path: `/stock/${sku}/receipts`, body: { quantity: 2 } };
  return { method: "POST", path: `/stock/${sku}/reservations`, body: { quantity: 1, holdS: 5 } };
}

const answerWithinMs = 10_000;

/** Requests at a rate that does not wait for answers, until it is stopped. */
export function steadyLoad(options: {
  readonly site: Site;
  readonly shelf: Shelf;
  readonly perSecond: number;
  readonly name: string;
  readonly chance: Chance;
}) {
  const { site, shelf, perSecond, name, chance } = options;
  const stop = new AbortController();
  let n = 0;
  let now: Tally = { latenciesMs: [], failed: 0, refused: 0 };
  const open = new Set<Promise<void>>();

  async function ask({ method, path, body }: Asked): Promise<void> {
    const [target, tally] = [site.target(), now];
    const startedAt = performance.now();
    const json = body === undefined ? {} : { "content-type": "application/json" };
    try {
      if (!target) throw new Error("nobody is there");
      const answer = await fetch(`${target.url}/api/v1${path}`, {
        method,
        headers: { ...target.headers, ...json },
        signal: AbortSignal.timeout(answerWithinMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      await answer.text();
      if (answer.status >= 500) tally.failed += 1;
      else if (answer.status >= 400 && answer.status !== 409) tally.refused += 1;
      else tally.latenciesMs.push(performance.now() - startedAt);
    } catch {
      tally.failed += 1;
    }
  }

  async function run(): Promise<void> {
    const startedAt = performance.now();
    while (!stop.signal.aborted) {
      const due = ((performance.now() - startedAt) / 1_000) * perSecond;
      for (; n < due; n += 1) {
        const sent = ask(asked(shelf, n, name, chance)).finally(() => open.delete(sent));
        open.add(sent);
      }
      await sleep(1_000 / perSecond);
    }
    await Promise.all(open);
  }
  const running = run();
  return {
    /** From now on, what is asked counts in another tally. */
    next(): Tally {
      now = { latenciesMs: [], failed: 0, refused: 0 };
      return now;
    },
    async stop(): Promise<void> {
      stop.abort();
      await running;
    },
  };
}
