import { identifier, type Id } from "#kernel/id.ts";

export type AccountId = Id<"account">;
export const AccountId = identifier<AccountId>("account");

export type EntryId = Id<"entry">;
export const EntryId = identifier<EntryId>("entry");

export type TransferId = Id<"transfer">;
export const TransferId = identifier<TransferId>("transfer");

/** A line of the statement of an account elsewhere. */
export type LineId = Id<"line">;
export const LineId = identifier<LineId>("line");

/** What a provider said of a line once. */
export type ObservationId = Id<"observation">;
export const ObservationId = identifier<ObservationId>("observation");

/** A file of statements that was imported. */
export type ImportId = Id<"statement">;
export const ImportId = identifier<ImportId>("statement");

/** A login at a provider. */
export type ConnectionId = Id<"connection">;
export const ConnectionId = identifier<ConnectionId>("connection");

/** One run that fetches what a provider has. */
export type SyncId = Id<"sync">;
export const SyncId = identifier<SyncId>("sync");

/** The user who owns an account or made a transfer. Identity knows them. */
export type OwnerId = Id<"user">;
export const OwnerId = identifier<OwnerId>("user");
