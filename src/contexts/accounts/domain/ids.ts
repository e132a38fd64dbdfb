import { identifier, type Id } from "#kernel/id.ts";

export type AccountId = Id<"account">;
export const AccountId = identifier<AccountId>("account");

export type EntryId = Id<"entry">;
export const EntryId = identifier<EntryId>("entry");

export type TransferId = Id<"transfer">;
export const TransferId = identifier<TransferId>("transfer");

/** The user who owns an account or made a transfer. Identity knows them. */
export type OwnerId = Id<"user">;
export const OwnerId = identifier<OwnerId>("user");
