import { identifier, type Id } from "#kernel/id.ts";

export type UserId = Id<"user">;

export const UserId = identifier<UserId>("user");
