import { ofOwn } from "#kernel/permission.ts";
import type { Grants } from "#platform/process/module.ts";
import { Permissions } from "./application/permission.ts";

/** The default permissions of roles in the drive. */
export const grants: Grants = {
  member: [
    Permissions.openSpace,
    ...[
      Permissions.readSpace,
      Permissions.shareSpace,
      Permissions.readNode,
      Permissions.changeNode,
      Permissions.shareNode,
    ].map(ofOwn),
  ],
};
