import type { Route } from "#platform/http/route.ts";
import type { Drive } from "../index.ts";
import { changeRoutes, type ToldOf } from "./change-routes.ts";
import { contentRoutes } from "./content-routes.ts";
import { linkRoutes, type Linking } from "./link-routes.ts";
import { lockRoutes } from "./lock-routes.ts";
import { memberRoutes } from "./member-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { pastRoutes } from "./past-routes.ts";
import { spaceRoutes } from "./space-routes.ts";
import { stagingRoutes } from "./staging-routes.ts";
import { uploadRoutes } from "./upload-routes.ts";

/** Everything that the drive answers over HTTP. */
export const driveRoutes = (drive: Drive, toldOf: ToldOf, linking: Linking): readonly Route[] => [
  ...spaceRoutes(drive),
  ...memberRoutes(drive),
  ...nodeRoutes(drive),
  ...contentRoutes(drive),
  ...pastRoutes(drive),
  ...uploadRoutes(drive),
  ...stagingRoutes(drive),
  ...lockRoutes(drive),
  ...linkRoutes(drive, linking),
  ...changeRoutes(drive, toldOf),
];
