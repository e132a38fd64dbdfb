import assert from "node:assert/strict";
import { get, post, type At, type Json } from "../support/http.ts";

export const search = async (at: At, query: string) => {
  const { status, body, text } = await get(at, `/products/search?${query}`);
  assert.equal(status, 200, text);
  return body as { readonly items: readonly Json[]; readonly nextCursor?: string } & Json;
};
export const namesOf = async (at: At, query: string) =>
  (await search(at, query)).items.map(({ name }) => name);

export const reserve = (at: At, quantity: number, more?: object) =>
  post(at, "/stock/TS-M/reservations", { quantity }, more);
export const stockOf = async (at: At) =>
  ((await get(at, "/stock/TS-M")).body["items"] as readonly Json[])[0];
