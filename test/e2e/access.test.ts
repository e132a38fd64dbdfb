import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { statement } from "#platform/postgres/database.ts";
import { asAdmin, bearer, postJson, serve, signUp, type Served } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import type { Access, Ids } from "../support/access.ts";
import { basalt } from "../../src/composition.ts";

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

/** What each context says of its operations, in its `testing/access.ts`. */
const told = await Promise.all(
  basalt.modules.map(async ({ name }) => {
    const file = `../../src/contexts/${name}/testing/access.ts`;
    const { access } = (await import(file)) as { readonly access: Access };
    return access;
  }),
);
const open = told.flatMap((access) => access.open).toSorted();
const everybodys = told.flatMap((access) => access.everybodys);
const ownersOnly = told.flatMap((access) => access.ownersOnly);
const bodies: Access["bodies"] = Object.assign({}, ...told.map((access) => access.bodies));

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

/** A user with things in every context, and with an API key without scopes. */
async function victim(served: Served) {
  const ada = await signUp(served, "ada@example.com");
  await verify(served, "ada@example.com", ada);
  const ids: Ids = Object.assign(
    {},
    ...(await Promise.all(told.map((access) => access.thingsOf(served, ada)))),
  );
  const answer = await postJson(
    `${served.url}/api/v1/users/${ada.userId}/api-keys`,
    { name: "robot", scopes: [], expiresInDays: 1 },
    ada.headers,
  );
  const { token } = (await answer.json()) as { readonly token: string };
  return { ada, token, ids };
}

const state = statement<{ readonly n: number }>(
  "test.events",
  `select ${basalt.logs
    .map((log) => `(select count(*) from ${log}.events where metadata ->> 'actor' <> 'system')`)
    .join(" + ")} as n`,
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
      "the `testing/access.ts` of a context has a body for each of its operations",
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
    assert.deepEqual(refused.toSorted(), ownersOnly.toSorted());
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
