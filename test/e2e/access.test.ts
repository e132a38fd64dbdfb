import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { get } from "../support/http.ts";
import { until } from "../support/until.ts";
import { statement } from "#platform/postgres/database.ts";
import {
  asAdmin,
  bearer,
  password,
  serve,
  signUp,
  type Served,
  type SignedIn,
} from "../support/basalt.ts";

type Operation = {
  readonly security?: readonly unknown[];
  readonly responses: object;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
};
type OpenApi = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

/** Every operation that Basalt describes, as `GET /api/v1/users/{userId}`. */
async function operationsOf({ url }: Served) {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

/** What anybody may ask. Whoever opens another route says so here. */
const open = [
  "GET /api/v1/categories",
  "GET /api/v1/prices",
  "GET /api/v1/products",
  "GET /api/v1/products/search",
  "GET /api/v1/products/{productId}",
  "GET /api/v1/products/{productId}/prices",
  "GET /api/v1/stock",
  "GET /api/v1/stock/{sku}",
  "POST /api/v1/email-verifications",
  "POST /api/v1/password-resets",
  "POST /api/v1/passwords",
  "POST /api/v1/sessions",
  "POST /api/v1/sessions/passkey",
  "POST /api/v1/sessions/passkey/options",
  "POST /api/v1/sessions/refresh",
  "POST /api/v1/users",
  "POST /api/v1/verified-emails",
];

/** What everybody who has signed in may, on nobody's things. */
const everybodys = ["POST /api/v1/stock/{sku}/reservations"];

/** What a signed-in stranger sends, so that nothing but a missing right refuses it. */
const bodies: Readonly<Record<string, object | string | undefined>> = {
  "GET /api/v1/users": undefined,
  "GET /api/v1/users/{userId}": undefined,
  "PATCH /api/v1/users/{userId}": { name: "Mine now" },
  "DELETE /api/v1/users/{userId}": undefined,
  "PUT /api/v1/users/{userId}/status": { status: "disabled" },
  "PUT /api/v1/users/{userId}/roles": { roles: ["admin"] },
  "GET /api/v1/users/{userId}/sessions": undefined,
  "DELETE /api/v1/users/{userId}/sessions": undefined,
  "DELETE /api/v1/sessions/{sessionId}": undefined,
  "GET /api/v1/users/{userId}/credentials": undefined,
  "PUT /api/v1/users/{userId}/password": {
    currentPassword: password,
    newPassword: "battery staple correct",
  },
  "POST /api/v1/users/{userId}/totp": undefined,
  "POST /api/v1/users/{userId}/totp/activation": { code: "123456" },
  "DELETE /api/v1/users/{userId}/totp": undefined,
  "POST /api/v1/users/{userId}/passkeys/options": undefined,
  "POST /api/v1/users/{userId}/passkeys": { name: "mine", response: {} },
  "DELETE /api/v1/users/{userId}/passkeys/{passkeyId}": undefined,
  "POST /api/v1/users/{userId}/api-keys": { name: "mine", scopes: ["*:*"], expiresInDays: 1 },
  "GET /api/v1/users/{userId}/api-keys": undefined,
  "DELETE /api/v1/api-keys/{keyId}": undefined,
  "GET /api/v1/policies": undefined,
  "PUT /api/v1/policies/{role}": { permissions: ["*:*"] },
  "GET /api/v1/audit": undefined,
  "POST /api/v1/products": { name: "Mine" },
  "PATCH /api/v1/products/{productId}": { name: "Mine now" },
  "DELETE /api/v1/products/{productId}": undefined,
  "POST /api/v1/products/{productId}/publication": undefined,
  "POST /api/v1/products/{productId}/archival": undefined,
  "POST /api/v1/products/{productId}/prices": {
    sku: "M",
    price: { amount: "0.01", currency: "EUR" },
    minimumQuantity: 2,
  },
  "DELETE /api/v1/prices/{priceId}": undefined,
  "POST /api/v1/categories": { name: "Mine", slug: "mine" },
  "PATCH /api/v1/categories/{categoryId}": { name: "Mine" },
  "POST /api/v1/stock/{sku}/receipts": { quantity: 1 },
  "POST /api/v1/stock/{sku}/adjustments": { by: -1, reason: "gone" },
  "POST /api/v1/stock/{sku}/reservations": { quantity: 1 },
  "POST /api/v1/reservations/{reservationId}/commitment": undefined,
  "DELETE /api/v1/reservations/{reservationId}": undefined,
  "GET /api/v1/reservations/{reservationId}": undefined,
  "POST /api/v1/imports": "sku,on_hand\nM,0\n",
  "GET /api/v1/imports/{importId}": undefined,
  "GET /api/v1/imports/{importId}/progress": undefined,
  "GET /api/v1/imports/{importId}/rows": undefined,
  "GET /api/v1/exports/{kind}": undefined,
};

type Ids = Readonly<Record<string, string>>;

async function ask(
  { url }: Served,
  { name, method, path }: Awaited<ReturnType<typeof operationsOf>>[number],
  ids: Ids,
  headers: object,
  version = "2",
): Promise<Response> {
  const body = bodies[name];
  const isVersioned = version !== "2" || /^\/api\/v1\/(products|categories)\//.test(path);
  const match = isVersioned ? { "if-match": `"${version}"` } : {};
  const isFile = typeof body === "string";
  const type = body ? { "content-type": isFile ? "text/csv" : "application/json" } : {};
  const query = isFile ? "?kind=stock" : "";
  const at = path.replaceAll(/\{(\w+)\}/g, (_, param: string) => ids[param] ?? "x");
  return fetch(url + at + query, {
    method,
    headers: { ...headers, ...match, ...type },
    ...(body ? { body: isFile ? body : JSON.stringify(body) } : {}),
  });
}

/** What somebody sells and has reserved. */
async function shopOf(served: Served, { userId, headers }: SignedIn): Promise<Ids> {
  const admin = await asAdmin(served);
  const send = async (method: string, path: string, body: object, more: object = headers) => {
    const answer = await fetch(`${served.url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", ...more },
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return (await answer.json()) as { readonly id: string };
  };
  await send("PUT", `/users/${userId}/roles`, { roles: ["member", "merchant"] }, admin.headers);
  const product = { name: "T-Shirt", description: "Soft.", skus: ["M"] };
  const { id: productId } = await send("POST", "/products", product);
  await send("POST", `/products/${productId}/publication`, {}, { ...headers, "if-match": '"1"' });
  await send("POST", "/stock/M/receipts", { quantity: 5 });
  const { id: reservationId } = await send("POST", "/stock/M/reservations", { quantity: 1 });
  const price = { sku: "M", price: { amount: "9.90", currency: "EUR" } };
  const { id: priceId } = await send("POST", `/products/${productId}/prices`, price);
  const { id: categoryId } = await send("POST", "/categories", { name: "Shirts", slug: "shirts" });
  const file = await fetch(`${served.url}/api/v1/imports?kind=stock&dryRun=true`, {
    method: "POST",
    headers: { ...headers, "content-type": "text/csv" },
    body: "sku,on_hand\nM,0\n",
  });
  const { id: importId } = (await file.json()) as { readonly id: string };
  await until(async () => {
    const { body } = await get({ ...served, headers }, `/imports/${importId}`);
    return body["status"] === "finished"; // it appends no event behind the back of a test
  });
  const kind = "stock";
  return { productId, sku: "M", reservationId, priceId, categoryId, importId, kind };
}

/** Somebody with a session, an API key and a second factor begun. */
async function victim(served: Served) {
  const ada = await signUp(served, "ada@example.com");
  const post = (path: string, body?: object) =>
    fetch(`${served.url}/api/v1/users/${ada.userId}${path}`, {
      method: "POST",
      headers: { ...ada.headers, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const key = { name: "robot", scopes: [], expiresInDays: 1 };
  const { id: keyId, token } = (await (await post("/api-keys", key)).json()) as {
    id: string;
    token: string;
  };
  await post("/totp");
  const { userId, sessionId } = ada;
  const ids = { userId, sessionId, keyId, passkeyId: "x", role: "member" };
  return { ada, token, ids: { ...ids, ...(await shopOf(served, ada)) } };
}

const state = statement<{ readonly n: number }>(
  "test.events",
  `select (select count(*) from identity.events where metadata ->> 'actor' <> 'system')
        + (select count(*) from catalog.events) as n`,
);
const eventsOf = async ({ opened }: Served) => (await opened.database.query(state, []))[0]?.n;

describe("access", () => {
  test("every operation but those listed here refuses a stranger with 401", async () => {
    await using served = await serve();
    const operations = await operationsOf(served);
    const { ids } = await victim(served);
    const public_ = operations.filter(({ operation }) => operation.security?.length === 0);
    assert.deepEqual(public_.map(({ name }) => name).toSorted(), open);
    const before = await eventsOf(served);
    for (const operation of operations.filter(({ name }) => !open.includes(name)))
      for (const headers of [
        {},
        bearer("garbage"),
        { authorization: "Basic YWRhOmFkYQ==" },
        { cookie: "session=1" },
      ]) {
        const answer = await ask(served, operation, ids, headers);
        assert.equal(answer.status, 401, operation.name);
        assert.ok("401" in operation.operation.responses, `${operation.name} describes it`);
      }
    assert.equal(await eventsOf(served), before);
  });

  test("no operation takes a secret in its path or query", async () => {
    await using served = await serve();
    const named = (await operationsOf(served)).flatMap(({ name, operation }) =>
      (operation.parameters ?? [])
        .filter((parameter) => parameter.in !== "header")
        .map((parameter) => `${name} ${parameter.name}`),
    );
    assert.ok(
      named.some((name) => name.endsWith(" userId")),
      "parameters are found",
    );
    const secret = /(password|token|secret|code|signature)\w*$/i;
    const secrets = named.filter((name) => secret.test(name));
    assert.deepEqual(secrets, []);
  });

  test("every operation refuses another user's ids and changes nothing", async () => {
    await using served = await serve();
    const operations = await operationsOf(served);
    const { ids } = await victim(served);
    const eve = await signUp(served, "eve@example.com");
    const closed = operations.filter(({ name }) => !open.includes(name));
    assert.deepEqual(
      closed.map(({ name }) => name).toSorted(),
      Object.keys(bodies).toSorted(),
      "an operation that no stranger has tried",
    );
    const before = await eventsOf(served);
    for (const operation of closed.filter(({ name }) => !everybodys.includes(name))) {
      const answer = await ask(served, operation, ids, eve.headers);
      assert.equal(answer.status, 403, `${operation.name}: ${await answer.text()}`);
    }
    assert.equal(await eventsOf(served), before);
  });

  test("an API key without scopes is refused everything, also its owner's resources", async () => {
    await using served = await serve();
    const { ids, token } = await victim(served);
    const before = await eventsOf(served);
    for (const operation of await operationsOf(served)) {
      if (open.includes(operation.name)) continue;
      const answer = await ask(served, operation, ids, bearer(token));
      assert.equal(answer.status, 403, `${operation.name}: ${await answer.text()}`);
    }
    assert.equal(await eventsOf(served), before);
  });

  test("the same requests succeed with permission, so the walk sends real requests", async () => {
    await using served = await serve();
    const operations = await operationsOf(served);
    const { ids } = await victim(served);
    const admin = await asAdmin(served);
    const refused: string[] = [];
    for (const operation of operations) {
      if (open.includes(operation.name)) continue;
      const { status } = await ask(served, operation, ids, admin.headers);
      if (status === 401 || status === 403 || status === 400) refused.push(operation.name);
    }
    // Nobody, an administrator neither, adds to what somebody else signs in with.
    assert.deepEqual(refused.toSorted(), [
      "POST /api/v1/users/{userId}/api-keys",
      "POST /api/v1/users/{userId}/passkeys",
      "POST /api/v1/users/{userId}/passkeys/options",
      "POST /api/v1/users/{userId}/totp",
      "POST /api/v1/users/{userId}/totp/activation",
      "PUT /api/v1/users/{userId}/password",
    ]);
  });

  test("every operation that takes a version refuses a stale one, and changes nothing", async () => {
    await using served = await serve();
    const operations = (await operationsOf(served)).filter(({ operation }) =>
      operation.parameters?.some(({ name }) => name === "if-match"),
    );
    assert.ok(operations.length >= 8, `${operations.length} operations take a version`);
    const { ids } = await victim(served);
    const admin = await asAdmin(served);
    const before = await eventsOf(served);
    for (const operation of operations) {
      const answer = await ask(served, operation, ids, admin.headers, "999");
      assert.equal(answer.status, 412, `${operation.name}: ${await answer.text()}`);
    }
    assert.equal(await eventsOf(served), before);
  });
});
