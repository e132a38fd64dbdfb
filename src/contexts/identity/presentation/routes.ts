import type { Route } from "#platform/http/route.ts";
import type { Identity } from "../index.ts";
import { administrationRoutes, apiKeyRoutes } from "./administration-routes.ts";
import { factorRoutes, passwordRoutes } from "./credential-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { userAdministrationRoutes, userRoutes } from "./user-routes.ts";

/** Everything that identity answers over HTTP. */
export const identityRoutes = (identity: Identity): readonly Route[] => [
  ...userRoutes(identity),
  ...userAdministrationRoutes(identity),
  ...sessionRoutes(identity),
  ...passwordRoutes(identity),
  ...factorRoutes(identity),
  ...apiKeyRoutes(identity),
  ...administrationRoutes(identity),
];
