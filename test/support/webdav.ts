import assert from "node:assert/strict";
import { serve, signUp, type SignedIn } from "./basalt.ts";
import { verify } from "./emails.ts";
import { post } from "./http.ts";

const scopes = ["spaces:read", "nodes:read", "nodes:update"];

export const lockInfo = (scope = "exclusive"): string =>
  `<lockinfo xmlns="DAV:"><lockscope><${scope}/></lockscope><locktype><write/></locktype><owner><href>ada</href></owner></lockinfo>`;

/** The addresses that an answer tells of. */
export const hrefsIn = (xml: string): readonly (string | undefined)[] =>
  [...xml.matchAll(/<D:response><D:href>([^<]*)/g)].map(([, href]) => href);
/** The statuses of the properties that an answer tells of. */
export const statusesIn = (xml: string): readonly (string | undefined)[] =>
  [...xml.matchAll(/<D:status>HTTP\/1.1 (\d+)/g)].map(([, status]) => status);

/** `as`: the credential of another user. All others are headers. */
export type More = {
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly as?: string;
  readonly signal?: AbortSignal;
  readonly [header: string]: unknown;
};

/** An answer of the door, read. */
type Answer = { readonly status: number; readonly headers: Headers; readonly text: string };

/** A Basalt with a user, who has the space `My files` and a password for WebDAV. */
export async function openWebDav(settings: Readonly<Record<string, string>> = {}) {
  const served = await serve({ BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "20", ...settings });
  const at = ({ headers }: Pick<SignedIn, "headers">) => ({ url: served.url, headers });
  const ada = await signUp(served, "ada@example.com");
  await verify(served, "ada@example.com", ada);
  const space = await post(at(ada), "/drive/spaces", { name: "My files" });
  async function keyOf(user: SignedIn, some = scopes): Promise<string> {
    const key = { name: "laptop", scopes: some, expiresInDays: 366 };
    const { body, status } = await post(at(user), `/users/${user.userId}/api-keys`, key);
    assert.equal(status, 201, JSON.stringify(body));
    return String(body["token"]);
  }
  const basic = async (user: SignedIn, some = scopes): Promise<string> =>
    `Basic ${btoa(`anybody:${await keyOf(user, some)}`)}`;
  const authorization = await basic(ada);
  /** Asks any door of the server. */
  async function ask(
    method: string,
    path: string,
    { body, as = authorization, signal, ...headers }: More = {},
  ): Promise<Answer> {
    const answer = await fetch(new URL(path, served.url), {
      method,
      headers: { authorization: as, ...(headers as Record<string, string>) },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }
  const dav = (method: string, path: string, more?: More) => ask(method, `/dav${path}`, more);
  return {
    served,
    ada,
    spaceId: String(space.body["id"]),
    rootId: String(space.body["rootId"]),
    authorization,
    at,
    keyOf,
    basic,
    ask,
    dav,
    statusOf: async (method: string, path: string, more: More = {}) =>
      (await dav(method, path, more)).status,
    to: (path: string) => `${served.url}/dav${path}`,
    here: (path: string) => `/My%20files${path}`,
    async locked(path: string, more: More = {}) {
      const answer = await dav("LOCK", path, { body: lockInfo(), ...more });
      const token = /<(.*)>/.exec(answer.headers.get("lock-token") ?? "")?.[1] ?? "";
      return { ...answer, token };
    },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}
export type WebDav = Awaited<ReturnType<typeof openWebDav>>;
