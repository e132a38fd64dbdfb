import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { statement } from "#platform/postgres/database.ts";
import { asAdmin, bearer, postJson, serve, signUp, type Served } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { send } from "../support/http.ts";
import { Upload, type Access, type Ids } from "../support/access.ts";
import { isOpen } from "../fuzz/openapi.ts";
import { basalt } from "../../src/composition.ts";

type Operation = {
  readonly security?: readonly object[];
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

type Operations = Awaited<ReturnType<typeof operationsOf>>;

/** Those that widen what another one allows, and those of operations on nothing but one's own things. */
const beside = [
  "accounts:manage",
  "api-keys:create",
  "products:read",
  "reservations:create-many",
  "users:change-email",
  "users:verify-email",
];
/** What can be done only once with the victim's things. */
const usedUp =
  /^(DELETE|POST) .*(sessions|reservations|prices|api-keys|links|invitations)|\/(uploads|locks|stagings)\//;
const unlimited = {
  BASALT_LIMIT_REQUESTS_PER_MINUTE: "1000000",
  BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "1000000",
  BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT: "1000000",
};

/** What each context says of its operations, in its `testing/access.ts`. */
const told = await Promise.all(
  basalt.modules.map(async ({ name }) => {
    const file = `../../src/contexts/${name}/testing/access.ts`;
    const { access } = (await import(file)) as { readonly access: Access };
    return access;
  }),
);
const settings = Object.assign(
  {},
  unlimited,
  ...told.map(({ env = {} }) => env),
) as typeof unlimited;
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
  const said = bodies[name];
  const body = typeof said === "function" ? (said(ids) as object) : said;
  const isVersioned =
    version !== "2" ||
    /^\/api\/v1\/(products|categories|accounts|drive\/nodes\/\{nodeId\}\/revisions)\//.test(path);
  // Contents have tags of their own.
  const tag = /\/content(\/uploads)?$|\/revisions\//.test(path) ? `"r${version}"` : `"${version}"`;
  const match = isVersioned ? { "if-match": tag } : {};
  const file = body instanceof Upload ? body : undefined;
  const isSent = body !== undefined && method !== "GET";
  const type = isSent ? { "content-type": file?.type ?? "application/json" } : {};
  const at = path.replaceAll(/\{(\w+)\}/g, (_, param: string) => ids[param] ?? "x");
  const answer = await fetch(url + at + (file?.query ?? ""), {
    method,
    headers: { ...headers, ...match, ...type },
    ...(isSent ? { body: file ? file.text : JSON.stringify(body) } : {}),
  });
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) return answer;
  await answer.body?.cancel(); // it has no end
  return new Response("", answer);
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
  /** For tests that change nothing. */
  let served: Served & AsyncDisposable;
  let ids: Ids;
  let token: string;
  before(async () => {
    served = await serve(settings);
    ({ ids, token } = await victim(served));
  });
  after(() => served[Symbol.asyncDispose]());

  test("every operation but those listed here refuses a stranger with 401", async () => {
    const operations = await operationsOf(served);
    const forAll = operations.filter(({ operation: { security = [] } }) => isOpen(security));
    assert.deepEqual(forAll.map(({ name }) => name).toSorted(), open);
    for (const operation of forAll.filter(
      ({ operation: { security } }) => security?.length !== 0,
    )) {
      const answer = await ask(served, operation, ids, bearer("expired"));
      assert.equal(answer.status, 401, `${operation.name} refuses a credential that is not valid`);
    }
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
    const operations = await operationsOf(served);
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
    const before = await eventsOf(served);
    for (const operation of await operationsOf(served)) {
      if (open.includes(operation.name)) continue;
      const answer = await ask(served, operation, ids, bearer(token));
      assert.equal(answer.status, 403, `${operation.name}: ${await answer.text()}`);
    }
    assert.equal(await eventsOf(served), before);
  });

  test("the same requests succeed with permission, so the walk sends real requests", async () => {
    await using served = await serve(settings);
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

  /** Which operations a credential may use; a stale version keeps most of them from changing anything. */
  async function allowedTo(served: Served, operations: Operations, ids: Ids, headers: object) {
    const allowed: string[] = [];
    // What is deleted is of no use to the others.
    const isLast = ({ method }: Operations[number]) => Number(method === "DELETE");
    for (const operation of operations.toSorted((a, b) => isLast(a) - isLast(b))) {
      const isVersioned = operation.operation.parameters?.some(({ name }) => name === "if-match");
      const answer = await ask(served, operation, ids, headers, isVersioned ? "999" : "2");
      if (answer.status === 429) throw new Error(`${operation.name} is limited`);
      const isRefused =
        /"FORBIDDEN"|"(PRODUCT|LINK|LOCK|UPLOAD|STAGING|INVITATION)_NOT_FOUND"/.test(
          await answer.text(),
        );
      if (!isRefused) allowed.push(operation.name);
    }
    return allowed.toSorted();
  }

  /** An API key has no more scopes. */
  const atOnce = 32;
  type Allowed = (some: readonly string[], operations: Operations) => Promise<readonly string[]>;

  /**
   * Which permissions allow each operation alone. What a group of them does not allow, none of them does; what can be done only once is
   * tried with one permission after the other.
   */
  async function allowing(operations: Operations, allowed: Allowed) {
    const found = new Map<string, string[]>(operations.map(({ name }) => [name, []]));
    async function among(some: readonly string[], those: Operations): Promise<void> {
      if (those.length === 0) return;
      const names = new Set(await allowed(some, those));
      const [permission, ...others] = some;
      if (permission === undefined) return;
      if (others.length === 0) for (const name of names) found.get(name)?.push(permission);
      if (others.length === 0) return;
      const left = those.filter(({ name }) => names.has(name));
      const middle = some.length >> 1;
      for (const half of [some.slice(0, middle), some.slice(middle)]) await among(half, left);
    }
    const often = operations.filter(({ name }) => !usedUp.test(name));
    for (let at = 0; at < basalt.permissions.length; at += atOnce)
      await among(basalt.permissions.slice(at, at + atOnce), often);
    for (const permission of basalt.permissions)
      await among(
        [permission],
        operations.filter(({ name }) => usedUp.test(name)),
      );
    return found;
  }

  test(
    "each operation has one permission, whether by a role or by the scope of an API key",
    { timeout: 600_000 },
    async () => {
      await using served = await serve(settings);
      const { ids } = await victim(served);
      const admin = await asAdmin(served);
      const put = async (path: string, body: object) => {
        const answer = await send("PUT", `${served.url}/api/v1${path}`, admin.headers, body);
        assert.equal(answer.status, 200, path);
      };
      const eve = await signUp(served, "eve@example.com");
      await verify(served, "eve@example.com", eve);
      await put("/policies/only", { permissions: [] });
      await put(`/users/${eve.userId}/roles`, { roles: ["only"] });
      const closed = (await operationsOf(served)).filter(
        ({ name }) => ![...open, ...ownersOnly].includes(name),
      );
      // What every user may do with their own account alone.
      const forAll = await allowedTo(served, closed, ids, eve.headers);
      const operations = closed.filter(({ name }) => !forAll.includes(name));
      assert.ok(forAll.every((name) => everybodys.includes(name)));

      const byRole = await allowing(operations, async (some, those) => {
        await put("/policies/only", { permissions: some });
        return allowedTo(served, those, ids, eve.headers);
      });
      const keys = `${served.url}/api/v1/users/${admin.userId}/api-keys`;
      const byScope = await allowing(operations, async (some, those) => {
        const key = { name: "robot", scopes: some, expiresInDays: 1 };
        const { id, token } = (await (await postJson(keys, key, admin.headers)).json()) as {
          readonly id: string;
          readonly token: string;
        };
        const names = await allowedTo(served, those, ids, bearer(token));
        await send("DELETE", `${served.url}/api/v1/api-keys/${id}`, admin.headers);
        return names;
      });
      const others = [...byRole].filter(([, asked]) => asked.length !== 1);
      assert.deepEqual(others, [], "operations that no permission allows alone, or several do");
      const differing = [...byScope].filter(
        ([name, asked]) => !usedUp.test(name) && String(asked) !== String(byRole.get(name)),
      );
      assert.deepEqual(differing, [], "operations that a scope allows otherwise than a role");
      const used = new Set([...byRole.values()].flat());
      const idle = basalt.permissions.filter((permission) => !used.has(permission));
      assert.deepEqual(idle.toSorted(), beside.toSorted());
    },
  );

  test("an owner may do nothing with their things that the policy of owners does not say", async () => {
    await using served = await serve(settings);
    const { ada, ids } = await victim(served);
    const admin = await asAdmin(served);
    for (const role of ["owner", "member", "merchant"]) {
      const path = `${served.url}/api/v1/policies/${role}`;
      const answer = await send("PUT", path, admin.headers, { permissions: [] });
      assert.equal(answer.status, 200);
    }
    const operations = (await operationsOf(served)).filter(
      ({ name }) => ![...open, ...everybodys, ...ownersOnly].includes(name),
    );
    assert.deepEqual(await allowedTo(served, operations, ids, ada.headers), []);
  });

  test("every operation that takes a version refuses a stale one, and changes nothing", async () => {
    const operations = (await operationsOf(served)).filter(({ operation }) =>
      operation.parameters?.some(({ name }) => name === "if-match"),
    );
    assert.ok(operations.length >= 8, `${operations.length} operations take a version`);
    const admin = await asAdmin(served);
    const before = await eventsOf(served);
    for (const operation of operations) {
      const answer = await ask(served, operation, ids, admin.headers, "999");
      assert.equal(answer.status, 412, `${operation.name}: ${await answer.text()}`);
    }
    assert.equal(await eventsOf(served), before);
  });
});
