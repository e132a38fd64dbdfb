import { ofOwn, type MayAct, type Permission } from "#kernel/permission.ts";
import { newEnforcer, newModelFromString, StringAdapter, type Enforcer } from "casbin";
import type { Context } from "#kernel/context.ts";
import { err, ok } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Coherence } from "#platform/cache/coherence.ts";
import type { IdentityScope } from "../application/ports.ts";
import { Role } from "../domain/role.ts";
import { UserId } from "../domain/user-id.ts";

/** A role may do what one of its permissions allows; `*` stands for anything, `*:own` for anything on one's own things. */
const model = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && (p.obj == "*" || r.obj == p.obj) && covers(r.act, p.act)
`;

const isOwn = (action: string) => action.endsWith(":own");
const coversAction = (action: string, granted: string): boolean =>
  granted === "*" || granted === action || (granted === "*:own" && isOwn(action));

const maxUsers = 10_000;
const withinMs = 5_000;

type Decisions = { readonly enforcer: Enforcer; readonly known: Map<string, boolean> };
/** `waiting`: those that count once the address is verified. */
type RolesOf = {
  readonly userId: string;
  readonly roles: readonly Role[];
  readonly waiting: readonly Role[];
};

type Options = {
  readonly read: Read<IdentityScope>;
  readonly coherence: Coherence;
  readonly clock: Clock;
};

/**
 * Roles count once the address of a user is verified: until then, they are the owner of their account only.
 * Asks Casbin, whose policies and the actors' roles are kept until they change.
 */
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
      const enforcer = await newEnforcer(newModelFromString(model), adapter);
      await enforcer.addFunction("covers", coversAction);
      return { enforcer, known: new Map() };
    },
  });
  const roles = coherence.cache<RolesOf>({
    max: maxUsers,
    subjects: ({ userId }) => [userId],
    async load(actor) {
      const userId = UserId.parse(actor);
      const user =
        userId.ok && (await read(contextNow(), (scope) => scope.users.byId(userId.value)));
      const theirs = user && user.status === "active" ? user.roles : [];
      const isVerified = user && user.isEmailVerified;
      return {
        userId: actor,
        roles: isVerified ? theirs : [],
        waiting: isVerified ? [] : theirs,
      };
    },
  });

  return async (context, permission, on) => {
    const { actor, scopes } = context;
    if (actor === "system") return ok(undefined);
    // Who was authenticated has just looked; a background job, which acts for somebody, has not.
    const look = context.credential === undefined ? "get" : "recent";
    const decisions = await policies[look]("all");
    const { roles: held, waiting } = await roles[look](actor);
    const isOwner = on?.owner === actor;
    const wanted = isOwner ? [permission, ofOwn(permission)] : [permission];
    const all = isOwner ? [...held, Role.owner] : held;
    const allow = (some: readonly Role[]) =>
      some.some((role) => wanted.some((one) => decide(decisions, role, one)));
    const isAllowed =
      allow(all) &&
      (scopes === undefined || scopes.some((scope) => wanted.some((one) => covers(scope, one))));
    if (isAllowed) return ok(undefined);
    const reason = allow(waiting) ? ({ reason: "email-unverified" } as const) : {};
    return err({ type: "forbidden", permission, ...reason });
  };
}

/** Casbin compiles and walks its rules for each question; the answers are few. */
function decide({ enforcer, known }: Decisions, role: Role, permission: Permission): boolean {
  const question = `${role} ${permission}`;
  let answer = known.get(question);
  if (answer === undefined) {
    answer = enforcer.enforceSync(role, ...partsOf(permission));
    known.set(question, answer);
  }
  return answer;
}

/** The thing, and the action with `:own` if it is narrowed. */
const partsOf = (permission: string): readonly [string, string] => {
  const at = permission.indexOf(":");
  return [permission.slice(0, at), permission.slice(at + 1)];
};

/** Whether a scope of an API key includes a permission. */
function covers(scope: string, permission: Permission): boolean {
  const [thing, action] = partsOf(permission);
  const [scopeThing, scopeAction] = partsOf(scope);
  return (scopeThing === "*" || scopeThing === thing) && coversAction(action, scopeAction);
}
