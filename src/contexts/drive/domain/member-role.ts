import { oneOf, type Infer } from "#kernel/shape.ts";

/** Viewers read what is in a space; editors change and share it, too. */
export const MemberRole = oneOf("editor", "viewer");
export type MemberRole = Infer<typeof MemberRole>;
