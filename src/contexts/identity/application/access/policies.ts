import {
  type Forbidden,
  isKnown,
  type MayAct,
  Permission,
  type UnknownPermission,
} from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Policy, Role, type RoleIsFixed } from "../../domain/role.ts";
import { mayActNow, whileSignedIn, type SignInTooOld } from "../credentials/own-credentials.ts";
import type { IdentityScope } from "../ports.ts";

export const maxPermissions = 100;

export const ListPolicies = shape({});
export type ListPolicies = Infer<typeof ListPolicies>;

export const ChangePolicy = shape({ role: Role, permissions: list(Permission, maxPermissions) });
export type ChangePolicy = Infer<typeof ChangePolicy>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Lists the permissions of all roles. */
export function listPolicies({ read, mayAct }: Deps) {
  return async (
    _: ListPolicies,
    context: Context,
  ): Promise<Result<readonly Policy[], Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readPolicies);
    if (!allowed.ok) return allowed;
    return ok(await read(context, ({ policies }) => policies.all()));
  };
}

/**
 * Replaces the permissions of a role, which may be new. It counts from the next request on. A permission that nothing
 * asks for can stay, but none is added.
 */
export function changePolicy(deps: Deps & { readonly permissions: readonly Permission[] }) {
  return async (
    { role, permissions }: ChangePolicy,
    context: Context,
  ): Promise<
    Result<Policy, RoleIsFixed | UnknownPermission | Forbidden | SignInTooOld | Conflict>
  > => {
    const allowed = await mayActNow(deps, context, Permissions.changePolicies);
    if (!allowed.ok) return allowed;

    return whileSignedIn(deps)(context, async ({ policies }) => {
      const policy = await policies.byRole(role);
      const unknown = permissions.find(
        (one) => !policy?.permissions.includes(one) && !isKnown(one, deps.permissions),
      );
      if (unknown) return err({ type: "unknown-permission", permission: unknown });
      if (!policy) return ok(policies.save(Policy.create(role, permissions)));
      const change = Policy.change(policy, permissions);
      return change.ok ? ok(policies.save(change.value)) : change;
    });
  };
}
