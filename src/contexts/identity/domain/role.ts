import type { Versioned } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Permission } from "#kernel/permission.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import { PolicyChanged, type IdentityEvent } from "./events.ts";

/** What a person is to the system, as in `support`. */
export type Role = Brand<string, "Role">;

const role = branded<Role>("role", {
  schema: { type: "string", pattern: "^[a-z][a-z0-9-]{1,31}$", maxLength: 32 },
});

export const Role = {
  ...role,
  /** May do everything; cannot be changed, and somebody always has it. */
  admin: "admin" as Role,
  /** Everybody who registers. */
  member: "member" as Role,
  /** Not given to anybody: what it may, everybody may with what is theirs. */
  owner: "owner" as Role,
};

/** What a role may do. */
export type Policy = Versioned & {
  readonly role: Role;
  readonly permissions: readonly Permission[];
};

export type RoleIsFixed = { readonly type: "role-is-fixed"; readonly role: Role };

export const Policy = {
  streamOf: ({ role }: Policy) => `policy_${role}`,

  /** Refuses to change what administrators may: nobody could undo it. */
  change(
    policy: Policy,
    permissions: readonly Permission[],
  ): Result<Change<Policy, IdentityEvent>, RoleIsFixed> {
    if (policy.role === Role.admin) return err({ type: "role-is-fixed", role: policy.role });
    const wanted = [...new Set(permissions)].toSorted();
    if (wanted.join(" ") === policy.permissions.toSorted().join(" ")) return ok(unchanged(policy));
    return ok({
      state: { ...policy, permissions: wanted },
      events: [PolicyChanged({ role: policy.role, permissions: wanted })],
    });
  },
};
