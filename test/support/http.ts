import net from "node:net";
import assert from "node:assert/strict";
import {
  asAdmin,
  serve as serveBasalt,
  type Headers,
  type Served,
  type SignedIn,
} from "./basalt.ts";

export type At = Pick<Served, "url"> & { readonly headers: Headers };
export type Json = { readonly [field: string]: unknown };
type Answer = {
  readonly status: number;
  readonly body: Json;
  readonly etag: string;
  readonly text: string;
};

export async function ask(
  { url, headers }: At,
  method: string,
  path: string,
  { body, more = {} }: { readonly body?: unknown; readonly more?: object } = {},
): Promise<Answer> {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...json, ...more },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text === "" ? {} : (JSON.parse(text) as Json),
    etag: answer.headers.get("etag") ?? "",
    text,
  };
}
export const post = (at: At, path: string, body?: unknown, more?: object) =>
  ask(at, "POST", path, { body, ...(more ? { more } : {}) });
export const get = (at: At, path: string) => ask(at, "GET", path);

/** A Basalt, and the headers of an administrator's requests to it. */
export async function serve(env: Readonly<Record<string, string>> = {}) {
  const served = await serveBasalt(env);
  const { headers } = await asAdmin(served);
  return { ...served, headers, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

export const shirt = { name: "Red T-Shirt", description: "Soft.", skus: ["TS-M"] };

/** A published product with so many units. */
export async function sell(
  at: At,
  units: number,
  more: { readonly skus?: readonly string[]; readonly [field: string]: unknown } = {},
): Promise<string> {
  const product = { ...shirt, ...more };
  const drafted = await post(at, "/products", product);
  assert.equal(drafted.status, 201, drafted.text);
  const id = String(drafted.body["id"]);
  const published = await post(at, `/products/${id}/publication`, undefined, {
    "if-match": drafted.etag,
  });
  assert.equal(published.status, 200, published.text);
  assert.equal(
    (await post(at, `/stock/${product.skus[0]}/receipts`, { quantity: units })).status,
    201,
  );
  return id;
}

/** Accounts of the caller, who is an administrator, each with so many euros. */
export async function openBook(
  at: At,
  accounts: number,
  amount: string,
): Promise<readonly string[]> {
  const open = async (type: string) => {
    const opened = await post(at, "/accounts", { name: "Money", type, currency: "EUR" });
    assert.equal(opened.status, 201, opened.text);
    return String(opened.body["id"]);
  };
  const equity = await open("equity");
  const ids: string[] = [];
  for (let i = 0; i < accounts; i += 1) {
    const id = await open("checking");
    const posting = (accountId: string, sign = "") => ({
      accountId,
      amount: { amount: `${sign}${amount}`, currency: "EUR" },
    });
    const entry = await post(at, "/entries", { postings: [posting(id), posting(equity, "-")] });
    assert.equal(entry.status, 201, entry.text);
    ids.push(id);
  }
  return ids;
}

/** Opens a space. Answers its root, which files are put in. */
export async function openDrive(at: At): Promise<string> {
  const opened = await post(at, "/drive/spaces", { name: "My files" });
  assert.equal(opened.status, 201, opened.text);
  return String(opened.body["rootId"]);
}

type Url = Pick<Served, "url">;
export const api = ({ url }: Url, path: string) => `${url}/api/v1${path}`;
export const codeOf = async (answer: Response) =>
  ((await answer.json()) as { readonly code?: string }).code;
export const me = (served: Url, { userId, headers }: SignedIn) =>
  fetch(api(served, `/users/${userId}`), { headers });
export const send = (method: string, url: string, headers: object, body?: unknown) =>
  fetch(url, {
    method,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** What a server answers to these bytes, until it closes the connection. */
export async function raw({ url }: Url, text: string | Uint8Array): Promise<string> {
  const socket = net.connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
