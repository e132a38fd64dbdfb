import { line } from "#kernel/line.ts";
import type { Brand } from "#kernel/shape.ts";

/** The name of a user, 1 to 100 characters. */
export type UserName = Brand<string, "UserName">;

export const UserName = line<UserName>("name", { min: 1, max: 100 });
