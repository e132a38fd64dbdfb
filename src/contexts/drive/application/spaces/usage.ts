import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { OwnerId } from "../../domain/ids.ts";
import type { Quota } from "../content/quota.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";

export const GetUsage = shape({});

/** `quotaBytes`: undefined is without a limit. `stagedBytes`: bytes of unfinished uploads, which count against the quota when more of an upload comes. */
export type UsageOfOwner = Quota & { readonly usedBytes: number; readonly stagedBytes: number };

type Deps = Quota & {
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** How much the spaces of the actor have, and may have. */
export const getUsage =
  ({ read, mayAct, quotaBytes, clock }: Deps) =>
  async (_: object, context: Context): Promise<Result<UsageOfOwner, Forbidden>> => {
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return ok({ usedBytes: 0, stagedBytes: 0, quotaBytes });
    const allowed = await mayAct(context, Permissions.readSpace, { owner: owner.value });
    if (!allowed.ok) return allowed;
    const [{ usedBytes }, { bytes: stagedBytes }] = await read(context, ({ usage, stagings }) =>
      Promise.all([usage.of(owner.value), stagings.openOf(owner.value, clock.now())]),
    );
    return ok({ usedBytes, stagedBytes, quotaBytes });
  };
