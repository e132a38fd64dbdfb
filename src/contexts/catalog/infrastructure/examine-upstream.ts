import { below } from "#platform/address.ts";
import { reasonOf } from "#platform/console/output.ts";
import type { Finding } from "#platform/process/module.ts";
import { fetchJson } from "#platform/resilience/fetch-json.ts";

const withinMs = 2_000;

type Upstream = {
  /** The setting that names it. */
  readonly setting: string;
  readonly resource: "stock" | "prices";
  readonly baseUrl: string | undefined;
  readonly key: string | undefined;
};

/** Whether an upstream answers as a Basalt does; nothing, where none is configured. */
export async function examined(upstream: Upstream): Promise<readonly Finding[]> {
  const { setting: what, resource, baseUrl, key } = upstream;
  if (baseUrl === undefined) return [];
  try {
    const url = new URL(below(baseUrl, `/${resource}?skus=DOCTOR`));
    const signal = AbortSignal.timeout(withinMs);
    const answer = (await fetchJson(url, { signal, key })) as { items?: unknown };
    const speaks = Array.isArray(answer.items);
    return [{ ok: speaks, what, says: speaks ? "answers" : "answers something else" }];
  } catch (error) {
    return [{ ok: false, what, says: reasonOf(error) }];
  }
}
