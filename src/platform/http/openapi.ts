import swagger from "@fastify/swagger";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isFresh } from "./preconditions.ts";
import type { Route } from "./route.ts";
import { bearerScheme, tagOf } from "./schemas.ts";

type Described = {
  readonly productName: string;
  readonly version: string;
  readonly routes: readonly Route[];
  /** The path below which a proxy serves: empty without one. */
  readonly basePath: string;
  /** Whether the document is served. */
  readonly docs: boolean;
};

/** A document that never changes: it is spelled and compressed once, and sent to those who do not have it. */
export function serveDocument(make: () => object) {
  let spelled: ReturnType<typeof spell> | undefined;
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    spelled ??= spell(make());
    const { plain, zipped, tag } = spelled;
    reply.header("etag", tag).header("cache-control", "no-cache").header("vary", "accept-encoding");
    if (isFresh(request.headers["if-none-match"], tag)) return reply.code(304).send();
    reply.type("application/json; charset=utf-8");
    return /\bgzip\b/.test(request.headers["accept-encoding"] ?? "")
      ? reply.header("content-encoding", "gzip").send(zipped)
      : reply.send(plain);
  };
}

function spell(document: object) {
  const plain = Buffer.from(JSON.stringify(document));
  const tag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
  return { plain, zipped: gzipSync(plain), tag };
}

/** Describes all routes that are added after it, at `/openapi.json`. */
export async function serveOpenApi(
  app: FastifyInstance,
  { productName, version, routes, docs, basePath }: Described,
): Promise<void> {
  if (!docs) return;
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: productName,
        description: `The HTTP API of ${productName}`,
        version,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [
        { url: basePath || "/", description: "The server that answered with this document" },
      ],
      tags: [...new Set(routes.map(tagOf))].toSorted().map((name) => ({ name })),
      components: { securitySchemes: bearerScheme },
    },
    refResolver: { buildLocalReference: (json) => json["$id"] as string },
  });
  const config = { access: "public" } as const;
  app.get(
    "/openapi.json",
    { schema: { hide: true }, config },
    serveDocument(() => app.swagger()),
  );
}
