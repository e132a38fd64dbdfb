import type { Grants } from "#platform/process/module.ts";

/** The default permissions of roles in identity. */
export const grants: Grants = {
  admin: ["*:*"],
  support: [
    "users:list",
    "users:read",
    "sessions:read",
    "sessions:end",
    "credentials:read",
    "api-keys:read",
  ],
  member: [],
  owner: [
    "users:read",
    "users:update",
    "users:change-email",
    "users:verify-email",
    "users:delete",
    "users:export",
    "sessions:*",
    "credentials:*",
    "api-keys:*",
  ],
};
