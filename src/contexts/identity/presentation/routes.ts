import type { Route } from "#platform/http/route.ts";
import type { Identity } from "../index.ts";
import { apiKeyRoutes } from "./api-key-routes.ts";
import { auditRoutes } from "./audit-routes.ts";
import { credentialRoutes } from "./credential-routes.ts";
import { passkeyRoutes } from "./passkey-routes.ts";
import { addressRoutes, passwordRoutes } from "./password-routes.ts";
import { personalDataRoutes } from "./personal-data-routes.ts";
import { policyRoutes } from "./policy-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { userAdministrationRoutes, userRoutes } from "./user-routes.ts";

/** Everything that identity answers over HTTP. */
export const identityRoutes = (identity: Identity): readonly Route[] => [
  ...userRoutes(identity),
  ...userAdministrationRoutes(identity),
  ...sessionRoutes(identity),
  ...passwordRoutes(identity),
  ...addressRoutes(identity),
  ...credentialRoutes(identity),
  ...passkeyRoutes(identity),
  ...apiKeyRoutes(identity),
  ...policyRoutes(identity),
  ...personalDataRoutes(identity),
  ...auditRoutes(identity),
];
