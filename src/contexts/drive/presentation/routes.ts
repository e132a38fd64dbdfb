import type { Route } from "#platform/http/route.ts";
import type { Drive } from "../index.ts";
import { contentRoutes } from "./content-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { spaceRoutes } from "./space-routes.ts";

/** Everything that the drive answers over HTTP. */
export const driveRoutes = (drive: Drive): readonly Route[] => [
  ...spaceRoutes(drive),
  ...nodeRoutes(drive),
  ...contentRoutes(drive),
];
