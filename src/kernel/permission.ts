import type { Context } from "./context.ts";
import type { Id } from "./id.ts";
import type { Result } from "./result.ts";
import { branded, type Brand } from "./shape.ts";

/**
 * `thing:action`, as in `users:read`; `*` stands for all of them. With `:own` behind it, it is narrowed
 * to the things of the actor.
 */
export type Permission = Brand<string, "Permission">;

export const Permission = branded<Permission>("permission", {
  schema: {
    type: "string",
    pattern: "^(\\*|[a-z-]{1,40}):(\\*|[a-z-]{1,40})(:own)?$",
    maxLength: 85,
  },
  parse: (input) => (input === "*" ? "*:*" : input),
  says: "a thing and an action, as in products:read, with * for any",
});

/** The permissions that a context asks for, by the names that its handlers use. */
export const permissions = <const Names extends Readonly<Record<string, `${string}:${string}`>>>(
  names: Names,
) => names as unknown as { readonly [Name in keyof Names]: Permission };

/** Whether a permission is one of those that are asked for somewhere, or stands for some of them. */
export function isKnown(permission: Permission, asked: readonly Permission[]): boolean {
  const [thing, action] = permission.split(":");
  return asked.some((one) => {
    const [itsThing, itsAction] = one.split(":");
    return (thing === "*" || thing === itsThing) && (action === "*" || action === itsAction);
  });
}

/** A permission that nothing asks for: it is misspelt, or of a context that is not there. */
export type UnknownPermission = {
  readonly type: "unknown-permission";
  readonly permission: Permission;
};

/** The permission for the actor's own things alone. */
export const ofOwn = (permission: Permission): Permission => `${permission}:own` as Permission;

/** The actor does not have the permission. */
export type Forbidden = {
  readonly type: "forbidden";
  readonly permission: Permission;
  /** What stands in the way of a permission that they have otherwise. */
  readonly reason?: "email-unverified";
};

/**
 * Port: whether the actor has a permission, by a role or as the owner of the thing; for an API key
 * only within its scopes. `system` has all of them.
 */
export type MayAct = (
  context: Context,
  permission: Permission,
  on?: { readonly owner: Id<"user"> | undefined },
) => Promise<Result<void, Forbidden>>;
