import { get, type At, type Json } from "../support/http.ts";
import { until } from "../support/until.ts";

export const upload = async (
  { url, headers }: At,
  query: string,
  body: string | ReadableStream,
  more: object = {},
) => {
  const answer = await fetch(`${url}/api/v1/imports?${query}`, {
    method: "POST",
    headers: { ...headers, "content-type": "text/csv", ...more },
    body,
    ...(typeof body === "string" ? {} : { duplex: "half" }),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) as Json, answer };
};
export const finished = async (at: At, id: unknown): Promise<Json> => {
  let found: Json = {};
  await until(async () => {
    found = (await get(at, `/imports/${String(id)}`)).body;
    return found["status"] === "finished";
  });
  return found;
};
export const tallyOf = ({ created, changed, unchanged, refused }: Json) => [
  created,
  changed,
  unchanged,
  refused,
];

export const header = "slug,name,description,skus,status\n";
export const line = (i: number) => `thing-${i},"Thing ""${i}""",For sale.,T-${i},published\n`;
export const lines = (n: number) => Array.from({ length: n }, (_, i) => line(i)).join("");
