import { permissions } from "#kernel/permission.ts";

/** The permissions that the use cases of accounts ask for. */
export const Permissions = permissions({
  openAccount: "accounts:create",
  readAccount: "accounts:read",
  updateAccount: "accounts:update",
  /** Overdrafts, accounts of the book, and accounts for others. */
  manageAccounts: "accounts:manage",
  makeTransfer: "transfers:create",
  readTransfer: "transfers:read",
  resolveTransfer: "transfers:resolve",
  postEntry: "entries:create",
  makeExchange: "exchanges:create",
  readEntry: "entries:read",
  readLedger: "ledger:read",
  importStatements: "statements:create",
  readStatements: "statements:read",
  decideStatements: "statements:decide",
  connectProvider: "connections:create",
  readConnections: "connections:read",
  keepConnections: "connections:update",
  syncConnections: "connections:sync",
  quoteRate: "rates:quote",
});
