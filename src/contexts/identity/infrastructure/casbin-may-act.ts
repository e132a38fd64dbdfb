import type { MayAct, Permission } from "#kernel/permission.ts";
import { newEnforcer, newModelFromString, StringAdapter, type Enforcer } from "casbin";
import type { Context } from "#kernel/context.ts";
import { err, ok } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Coherence } from "#platform/cache/coherence.ts";
import type { IdentityScope } from "../application/ports.ts";
import { Role } from "../domain/role.ts";
import { UserId } from "../domain/user-id.ts";

/** A role may do what one of its permissions allows; `*` stands for anything. */
const model = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && keyMatch(r.obj, p.obj) && keyMatch(r.act, p.act)
`;

const maxUsers = 10_000;
const withinMs = 5_000;

type Decisions = { readonly enforcer: Enforcer; readonly known: Map<string, boolean> };
type RolesOf = { readonly userId: string; readonly roles: readonly Role[] };

type Options = {
  readonly read: Read<IdentityScope>;
  readonly coherence: Coherence;
  readonly clock: Clock;
};

/** Asks Casbin, whose policies and the actors' roles are kept until they change. */
export function casbinMayAct({ read, coherence, clock }: Options): MayAct {
  const contextNow = (): Context => ({
    actor: "system",
    correlationId: "may-act",
    deadlineMs: clock.unixMs() + withinMs,
  });
  const policies = coherence.cache<Decisions>({
    max: 1,
    subjects: () => ["policies"],
    async load() {
      const all = await read(contextNow(), (scope) => scope.policies.all());
      const rules = all.flatMap(({ role, permissions }) =>
        permissions.map((permission) => `p, ${role}, ${permission.replace(":", ", ")}`),
      );
      const adapter = new StringAdapter(rules.join("\n"));
      return { enforcer: await newEnforcer(newModelFromString(model), adapter), known: new Map() };
    },
  });
  const roles = coherence.cache<RolesOf>({
    max: maxUsers,
    subjects: ({ userId }) => [userId],
    async load(actor) {
      const userId = UserId.parse(actor);
      const user =
        userId.ok && (await read(contextNow(), (scope) => scope.users.byId(userId.value)));
      return { userId: actor, roles: user && user.status === "active" ? user.roles : [] };
    },
  });

  return async (context, permission, on) => {
    const { actor, scopes } = context;
    if (actor === "system") return ok(undefined);
    const decisions = await policies.recent("all");
    const held = (await roles.recent(actor)).roles;
    const all = on?.owner === actor ? [...held, Role.owner] : held;
    const isAllowed =
      all.some((role) => decide(decisions, role, permission)) &&
      (scopes === undefined || scopes.some((scope) => covers(scope, permission)));
    return isAllowed ? ok(undefined) : err({ type: "forbidden", permission });
  };
}

/** Casbin compiles and walks its rules for each question; the answers are few. */
function decide({ enforcer, known }: Decisions, role: Role, permission: Permission): boolean {
  const question = `${role} ${permission}`;
  let answer = known.get(question);
  if (answer === undefined) {
    answer = enforcer.enforceSync(role, ...permission.split(":"));
    known.set(question, answer);
  }
  return answer;
}

/** Whether a scope of an API key includes a permission. */
function covers(scope: string, permission: Permission): boolean {
  const [thing, action] = permission.split(":");
  const [scopeThing, scopeAction] = scope.split(":");
  return (
    (scopeThing === "*" || scopeThing === thing) && (scopeAction === "*" || scopeAction === action)
  );
}
