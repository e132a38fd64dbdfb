import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ofx } from "../../src/contexts/accounts/testing/statement-files.ts";
import { asAdmin, signIn, signUp, type Headers, type Served } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { ask, get, post, sell, type At } from "../support/http.ts";
import { until } from "../support/until.ts";
import type { Asker } from "./arbitraries.ts";

/** What exists before a client begins: who asks, and what they can ask for. */
export type World = {
  readonly tokens: Readonly<Record<Asker, Partial<Headers>>>;
  /** By kind, as in `product`. */
  readonly known: Readonly<Record<string, readonly string[]>>;
  /** Ids that are never asked for: who administers must stay. */
  readonly spared: ReadonlySet<string>;
};

const impostor = "Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c2VyXzAifQ.AAAA";

async function made(at: At, method: string, path: string, body: object): Promise<string> {
  const { status, text, body: answer } = await ask(at, method, path, { body });
  assert.ok(status < 300, `the world cannot be made: ${path} ${text}`);
  return String(answer["id"]);
}

type Policies = {
  readonly items: readonly { readonly role: string; readonly permissions: object }[];
};

/** What roles may do, to be said again where somebody has changed it. */
export async function policiesOf(url: string): Promise<Policies> {
  const { headers } = await asAdmin({ url });
  const answer = await fetch(`${url}/api/v1/policies`, { headers });
  const { items } = (await answer.json()) as Policies;
  return { items: items.filter(({ role }) => role !== "admin") };
}

/** Two accounts of somebody, with money on the first one, of which some is held. */
async function bookOf(own: At, admin: At) {
  const account = { name: "Everyday", type: "checking", currency: "EUR" };
  const from = await made(own, "POST", "/accounts", account);
  const to = await made(own, "POST", "/accounts", account);
  const equity = await made(admin, "POST", "/accounts", { ...account, type: "equity" });
  const eur = (amount: string) => ({ amount, currency: "EUR" });
  const postings = [
    { accountId: from, amount: eur("1000") },
    { accountId: equity, amount: eur("-1000") },
  ];
  const entry = await made(admin, "POST", "/entries", { postings });
  const legs = [{ from, to, amount: eur("1") }];
  const transfer = await made(own, "POST", "/transfers", { legs, holdS: 3_600 });
  return { account: [from, to, equity], entry: [entry], transfer: [transfer] };
}

type Rows = { readonly items: readonly { readonly id: string; readonly lineId?: string }[] };

/** A connected broker, and two files of a bank: one with a line, and one with a doubtful row. */
async function elsewhereOf(own: At, keys: object) {
  const connection = await made(own, "POST", "/connections", { provider: "alpaca", keys });
  const sync = await made(own, "POST", `/connections/${connection}/syncs`, {});
  const importOf = async (amount: string) => {
    const answer = await fetch(`${own.url}/api/v1/imports/statements`, {
      method: "POST",
      body: ofx({ rows: [{ id: "1", date: "2026-08-03", amount }] }),
      headers: { ...own.headers, "content-type": "application/x-ofx" },
    });
    const { id } = (await answer.json()) as { readonly id: string };
    const rows = async () =>
      ((await get(own, `/imports/statements/${id}/rows`)).body as unknown as Rows).items;
    await until(async () => (await rows()).length > 0);
    return { id, rows: await rows() };
  };
  const first = await importOf("-4.50");
  const second = await importOf("-5.50");
  return {
    connection: [connection],
    sync: [sync],
    statement: [first.id, second.id],
    line: first.rows.flatMap(({ lineId }) => lineId ?? []),
    observation: second.rows.map(({ id }) => id),
  };
}

const [octets, ndjson] = ["application/octet-stream", "application/x-ndjson"];

/** A space with a member, a folder and files, one of them in the trash; links, and uploads of which one is complete; an empty space with an invitation. */
async function driveOf(own: At, other: At & { readonly email: string }) {
  const name = "My files";
  const space = await made(own, "POST", "/drive/spaces", { name });
  const { body } = await get(own, `/drive/spaces/${space}`);
  const root = String(body["rootId"]);
  const folder = await made(own, "POST", `/drive/nodes/${root}/folders`, { name });
  const sent = async (path: string, type: string, text: string) => {
    const answer = await fetch(`${own.url}/api/v1/drive/nodes/${folder}/${path}`, {
      method: "POST",
      body: text,
      headers: { ...own.headers, "content-type": type },
    });
    return ((await answer.json()) as { readonly id: string }).id;
  };
  const file = (text: string) => sent(`files?name=${text}.txt`, octets, text);
  const [first, second, trashed] = [await file("hello"), await file("world"), await file("gone")];
  await ask(own, "DELETE", `/drive/nodes/${trashed}`);
  const hash = createHash("sha256").update("later").digest("hex");
  const part = JSON.stringify({ hash, size: 5 });
  const upload = await sent(`uploads?name=later.txt&size=5&hash=${hash}`, ndjson, part);
  const ready = await sent(`uploads?name=ready.txt&size=5&hash=${hash}`, ndjson, part);
  await fetch(`${own.url}/api/v1/drive/uploads/${ready}/chunks?chunks=0`, {
    method: "PUT",
    body: "later",
    headers: { ...own.headers, "content-type": octets },
  });
  const empty = await made(own, "POST", "/drive/spaces", { name: "Nothing in it" });
  const invited = { email: other.email, role: "editor" };
  const invite = (to: string) => made(own, "POST", `/drive/spaces/${to}/invitations`, invited);
  await post(other, `/drive/invitations/${await invite(space)}/acceptance`);
  const invitation = await invite(empty);
  const { body: link } = await post(own, `/drive/nodes/${folder}/links`, {});
  const { body: drop } = await post(own, `/drive/nodes/${folder}/links`, { allows: "drop" });
  const { body: lock } = await post(own, `/drive/nodes/${second}/locks`, { scope: "shared" });
  const { body: ofFile } = await post(own, `/drive/nodes/${first}/links`, {});
  const { body: visit } = await post(own, `/drive/shared/${String(ofFile["token"])}/visits`, {});
  return {
    space: [space, empty],
    // Most operations are about files.
    node: [first, folder, second, folder, root, folder, trashed],
    upload: [ready, upload],
    invitation: [invitation],
    link: [String(link["id"])],
    lock: [String(lock["id"])],
    share: [ofFile, link, drop].map((one) => String(one["token"])),
    visit: [String(visit["visit"])],
  };
}

type Keys = { readonly id: string; readonly secret: string };

/** A member, a merchant, and something that is for sale; `name` is of this world alone. */
export async function makeWorld(
  { url, folder, keys }: Pick<Served, "url" | "folder"> & { readonly keys: Keys },
  name: string,
  { items }: Policies,
): Promise<World> {
  const admin = await asAdmin({ url });
  const at = { url, headers: admin.headers };
  for (const { role, permissions } of items)
    await made(at, "PUT", `/policies/${role}`, { permissions });
  const member = await signUp({ url }, `member-${name}@example.com`);
  await verify({ url, folder }, `member-${name}@example.com`, member);
  const email = `merchant-${name}@example.com`;
  const signedUp = await signUp({ url }, email);
  await verify({ url, folder }, email, signedUp);
  const { userId } = signedUp;
  await made(at, "PUT", `/users/${userId}/roles`, { roles: ["member", "merchant"] });
  const merchant = await signIn({ url }, email);

  const skus = [`${name}-M`, `${name}-L`];
  const category = await made(at, "POST", "/categories", { name: "Mugs", slug: `mugs-${name}` });
  const draft = await made(at, "POST", "/products", { name: "Draft", slug: `draft-${name}` });
  const product = await sell(at, 1_000, { slug: `mug-${name}`, skus, categoryIds: [category] });
  const price = await made(at, "POST", `/products/${product}/prices`, {
    sku: skus[0],
    price: { amount: "9.90", currency: "EUR" },
  });
  const own = { url, headers: member.headers };
  const reservation = await made(own, "POST", `/stock/${skus[0]}/reservations`, { quantity: 2 });
  const key = await made(own, "POST", `/users/${member.userId}/api-keys`, {
    name: "Fuzz",
    scopes: ["products:read"],
    expiresInDays: 1,
  });
  const file = await fetch(`${url}/api/v1/imports?kind=stock`, {
    method: "POST",
    body: `sku,on_hand\n${skus[0]},900\nNONE,1\n`,
    headers: { ...admin.headers, "content-type": "text/csv" },
  });
  const { id: imported } = (await file.json()) as { readonly id: string };
  const money = await bookOf(own, at);
  // Each world has a budget of requests of its own.
  const elsewhere = await elsewhereOf(own, { ...keys, id: `${keys.id}${name}` });
  const drive = await driveOf(own, { url, headers: merchant.headers, email });
  return {
    tokens: {
      anonymous: {},
      impostor: { authorization: impostor },
      admin: admin.headers,
      member: member.headers,
      merchant: merchant.headers,
    },
    known: {
      user: [member.userId, userId],
      session: [member.sessionId],
      product: [draft, product],
      category: [category],
      price: [price],
      sku: skus,
      reservation: [reservation],
      key: [key],
      import: [imported],
      ...money,
      ...elsewhere,
      ...drive,
      token: [member.refreshToken],
    },
    spared: new Set([admin.userId, admin.sessionId]),
  };
}
