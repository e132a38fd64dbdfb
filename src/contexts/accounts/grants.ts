import { ofOwn } from "#kernel/permission.ts";
import type { Grants } from "#platform/process/module.ts";
import { Permissions } from "./application/permission.ts";

/** The default permissions of roles in accounts. */
export const grants: Grants = {
  member: [
    Permissions.openAccount,
    ...[
      Permissions.readAccount,
      Permissions.updateAccount,
      Permissions.makeTransfer,
      Permissions.readTransfer,
      Permissions.resolveTransfer,
      Permissions.readStatements,
      Permissions.decideStatements,
      Permissions.readConnections,
      Permissions.keepConnections,
      Permissions.syncConnections,
    ].map(ofOwn),
    Permissions.importStatements,
    Permissions.connectProvider,
  ],
  /** Keeps the book: opens its accounts, posts entries, and reads everything. */
  bookkeeper: ["accounts", "transfers", "entries", "exchanges", "ledger", "rates"].map(
    (resource) => `${resource}:*`,
  ),
};
