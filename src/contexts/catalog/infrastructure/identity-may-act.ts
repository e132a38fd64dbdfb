import type { MayAct as Decide, Permission } from "#contexts/identity";
import { err, ok } from "#kernel/result.ts";
import type { MayAct } from "../application/ports/permission.ts";

/** Identity knows the policies. A permission of ours is one of its own by another name. */
export const identityMayAct =
  (decide: Decide): MayAct =>
  async (context, permission, on) => {
    const owned = on?.owner === undefined ? undefined : { owner: on.owner };
    const decided = await decide(context, permission as string as Permission, owned);
    return decided.ok ? ok(undefined) : err({ type: "forbidden", permission });
  };
