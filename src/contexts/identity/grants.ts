import type { Grants } from "#platform/process/module.ts";

/** What roles may do in identity, until an administrator decides otherwise. */
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
    "users:delete",
    "sessions:*",
    "credentials:*",
    "api-keys:*",
  ],
};
