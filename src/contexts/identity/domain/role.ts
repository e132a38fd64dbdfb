import { Version, type Versioned } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Permission } from "#kernel/permission.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import { PolicyChanged, type IdentityEvent } from "./events.ts";

/** A role of users, such as `support`. */
export type Role = Brand<string, "Role">;

const role = branded<Role>("role", {
  schema: { type: "string", pattern: "^[a-z][a-z0-9-]{1,31}$", maxLength: 32 },
  says: "small letters, digits and hyphens, with a letter first, as in support",
});

export const Role = {
  ...role,
  /** Has all permissions, cannot be changed, and always has a member. */
  admin: "admin" as Role,
  /** The role of every registered user. */
  member: "member" as Role,
  /** Applies to every user on their own resources. It is never assigned. */
  owner: "owner" as Role,
};

/** The permissions of a role. */
export type Policy = Versioned & {
  readonly role: Role;
  readonly permissions: readonly Permission[];
};

export type RoleIsFixed = { readonly type: "role-is-fixed"; readonly role: Role };

export const Policy = {
  streamOf: ({ role }: Policy) => `policy_${role}`,

  /** A new role, which may have no permission yet. */
  create: (role: Role, permissions: readonly Permission[]): Change<Policy, IdentityEvent> =>
    having({ role, permissions: [], version: Version.none }, spelledOnce(permissions)),

  /** Replaces the permissions of a role. Those of administrators are fixed. */
  change(
    policy: Policy,
    permissions: readonly Permission[],
  ): Result<Change<Policy, IdentityEvent>, RoleIsFixed> {
    if (policy.role === Role.admin) return err({ type: "role-is-fixed", role: policy.role });
    const wanted = spelledOnce(permissions);
    const isSame = wanted.join(" ") === policy.permissions.toSorted().join(" ");
    return ok(isSame ? unchanged(policy) : having(policy, wanted));
  },
};

const spelledOnce = (permissions: readonly Permission[]) => [...new Set(permissions)].toSorted();

const having = (
  policy: Policy,
  permissions: readonly Permission[],
): Change<Policy, IdentityEvent> => ({
  state: { ...policy, permissions },
  events: [PolicyChanged({ role: policy.role, permissions })],
});
