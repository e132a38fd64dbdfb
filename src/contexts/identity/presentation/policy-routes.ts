import { Permission } from "#kernel/permission.ts";
import { list, named, shape } from "#kernel/shape.ts";
import { get, put, type Route } from "#platform/http/route.ts";
import { ChangePolicy, ListPolicies, maxPermissions } from "../application/access/policies.ts";
import { Role, type Policy } from "../domain/role.ts";
import type { Identity } from "../index.ts";

const maxRoles = 1_000;

const PolicyView = named(
  "Policy",
  shape({ role: Role, permissions: list(Permission, maxPermissions) }),
);
const PoliciesView = named("Policies", shape({ items: list(PolicyView, maxRoles) }));
const toPolicy = ({ role, permissions }: Policy) => ({ role, permissions });

export const policyRoutes = (identity: Identity): readonly Route[] => [
  get("/policies", {
    access: "signed-in",
    id: "listPermissionsOfRoles",
    summary: "List the permissions of roles",
    description:
      "The permissions of each role. The role `owner` applies to every user, on their own " +
      "resources only.",
    input: ListPolicies,
    handle: identity.listPolicies,
    success: 200,
    output: PoliciesView,
    present: (policies) => ({ items: policies.map(toPolicy) }),
    refusals: { forbidden: 403 },
  }),
  put("/policies/:role", {
    access: "signed-in",
    id: "setPermissionsOfRole",
    summary: "Set the permissions of a role",
    description:
      "Replaces all permissions of a role; a new role is created. Permissions are `resource:action`, " +
      "such as `products:*`; `*` stands for any. A permission that no operation asks for is refused.",
    input: ChangePolicy,
    handle: identity.changePolicy,
    success: 200,
    output: PolicyView,
    present: toPolicy,
    refusals: {
      "role-is-fixed": 409,
      "unknown-permission": 422,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
];
