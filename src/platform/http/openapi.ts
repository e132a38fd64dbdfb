import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import type { Route } from "./route.ts";
import { bearerScheme, tagOf } from "./schemas.ts";

type Described = {
  readonly productName: string;
  readonly version: string;
  readonly routes: readonly Route[];
};

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
  app.get("/openapi.json", { schema: { hide: true }, config }, () => app.swagger());
}
