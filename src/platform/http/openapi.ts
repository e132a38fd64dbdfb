import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { bearerScheme } from "./schemas.ts";

/** Describes all routes that are added after it, at `/openapi.json`. */
export async function serveOpenApi(
  app: FastifyInstance,
  { productName, version }: { readonly productName: string; readonly version: string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: productName,
        description:
          "The backend that nearly every product needs: people, files, products and money",
        version,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/", description: "The server that answered with this document" }],
      components: { securitySchemes: bearerScheme },
    },
    refResolver: { buildLocalReference: (json) => json["$id"] as string },
  });
  const config = { access: "anyone" } as const;
  app.get("/openapi.json", { schema: { hide: true }, config }, () => app.swagger());
}
