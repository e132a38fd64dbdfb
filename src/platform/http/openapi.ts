import swagger from "@fastify/swagger";
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isFresh } from "./preconditions.ts";
import type { Route } from "./route.ts";
import { bearerScheme, tagOf } from "./schemas.ts";

type Described = {
  readonly productName: string;
  readonly version: string;
  readonly routes: readonly Route[];
};

/** A document that never changes: it is spelled once, and sent to those who do not have it. */
export function serveDocument(make: () => object) {
  let text: string | undefined;
  let tag = "";
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (text === undefined) {
      text = JSON.stringify(make());
      tag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
    }
    reply.header("etag", tag).header("cache-control", "no-cache");
    if (isFresh(request.headers["if-none-match"], tag)) return reply.code(304).send();
    return reply.type("application/json; charset=utf-8").send(text);
  };
}

/** Describes all routes that are added after it, at `/openapi.json`. */
export async function serveOpenApi(
  app: FastifyInstance,
  { productName, version, routes }: Described,
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: productName,
        description: `The HTTP API of ${productName}`,
        version,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/", description: "The server that answered with this document" }],
      tags: [...new Set(routes.map(tagOf))].toSorted().map((name) => ({ name })),
      components: { securitySchemes: bearerScheme },
    },
    refResolver: { buildLocalReference: (json) => json["$id"] as string },
  });
  const config = { access: "anyone" } as const;
  app.get(
    "/openapi.json",
    { schema: { hide: true }, config },
    serveDocument(() => app.swagger()),
  );
}
