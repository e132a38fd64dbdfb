import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import type { OwnerId } from "../../domain/ids.ts";
import type { Permission } from "../permission.ts";

/** The actor may not do this. */
export type Forbidden = { readonly type: "forbidden"; readonly permission: Permission };

/** Whether the actor has a permission, or is the owner of what it is about. */
export type MayAct = (
  context: Context,
  permission: Permission,
  on?: { readonly owner: OwnerId | undefined },
) => Promise<Result<void, Forbidden>>;
