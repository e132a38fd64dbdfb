import type { Context } from "#kernel/context.ts";
import { below } from "#platform/address.ts";
import { readJson } from "#platform/http/json-body.ts";
import type { Door, DoorRequest, TextAnswer } from "#platform/http/door.ts";
import { Permissions } from "../../application/permission.ts";
import { json } from "./answers.ts";
import type { CloudDeps } from "./doors.ts";

const path = "/index.php/login/v2";
/** Bytes of a question for the password. */
const maxBody = 4_096;

/** All that WebDAV takes. */
const access = {
  scopes: [Permissions.readSpace, Permissions.readNode, Permissions.changeNode],
  allows: "list, read, change and delete your files",
};

/** Clients ask again, without a word of why there is nothing. */
const notYet = json(404, []);

/** The start of a body. */
async function textOf(body: DoorRequest["body"]): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length > maxBody) break;
  }
  return Buffer.concat(parts).toString("utf8").slice(0, maxBody);
}

/** What a question for the password has: a form, or JSON. */
function tokenIn(text: string, { "content-type": type = "" }: DoorRequest["headers"]): string {
  if (!type.startsWith("application/json")) return new URLSearchParams(text).get("token") ?? "";
  try {
    const { token } = (readJson(Buffer.from(text)) ?? {}) as { readonly token?: unknown };
    return typeof token === "string" ? token : "";
  } catch {
    return "";
  }
}

/** Lets a client have a password of its own, which its user approves on a page. Source: Nextcloud, login flow v2. */
export function loginDoor({ devices, publicUrl }: Pick<CloudDeps, "devices" | "publicUrl">): Door {
  async function begin(server: string, context: Context): Promise<TextAnswer> {
    const { page, collectionToken } = await devices.request(access, context);
    return json(200, {
      poll: { token: collectionToken, endpoint: below(server, `${path}/poll`) },
      login: below(server, page),
    });
  }

  async function poll(server: string, { body, headers }: DoorRequest, context: Context) {
    const collected = await devices.collect(tokenIn(await textOf(body), headers), context);
    if (!collected) return notYet;
    const { email: loginName, token: appPassword } = collected;
    return json(200, { server: below(server, ""), loginName, appPassword });
  }

  return {
    name: "nextcloud-login",
    access: "public",
    path,
    methods: ["POST"],
    options: { allow: "POST" },
    async answer(request, context) {
      const server = publicUrl ?? `http://${request.host}`;
      if (request.path === "") return begin(server, context);
      return request.path === "/poll" ? poll(server, request, context) : notYet;
    },
  };
}
