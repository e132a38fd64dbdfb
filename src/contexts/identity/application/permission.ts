import { permissions } from "#kernel/permission.ts";

/** The permissions that identity's use cases ask for. */
export const Permissions = permissions({
  listUsers: "users:list",
  readUser: "users:read",
  inviteUser: "users:invite",
  updateUser: "users:update",
  verifyEmail: "users:verify-email",
  changeEmail: "users:change-email",
  deleteUser: "users:delete",
  exportUser: "users:export",
  disableUser: "users:disable",
  assignRoles: "users:assign-roles",
  readSessions: "sessions:read",
  endSessions: "sessions:end",
  readCredentials: "credentials:read",
  changeCredentials: "credentials:change",
  readApiKeys: "api-keys:read",
  createApiKey: "api-keys:create",
  revokeApiKey: "api-keys:revoke",
  readPolicies: "policies:read",
  changePolicies: "policies:change",
  readAudit: "audit:read",
});
