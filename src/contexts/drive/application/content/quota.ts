import { err, ok, type Result } from "#kernel/result.ts";
import type { Fingerprint } from "../../domain/content.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";

/** `neededBytes`: those that are missing at least, as far as is known. */
export type QuotaExceeded = {
  readonly type: "quota-exceeded";
  readonly quotaBytes: number;
  readonly usedBytes: number;
  readonly neededBytes: number;
};
/** How many bytes the spaces of one owner may have, each content counted once in a space; undefined is without a limit. */
export type Quota = { readonly quotaBytes: number | undefined };

type Within = Quota & Pick<Owned, "ownerId" | "node">;
/** The bytes that an owner has left. */
export async function roomLeft(
  { usage }: Pick<DriveScope, "usage">,
  { ownerId, quotaBytes }: Omit<Within, "node">,
): Promise<number> {
  if (quotaBytes === undefined) return Infinity;
  return quotaBytes - (await usage.of(ownerId)).usedBytes;
}

type Claim = { readonly claim: () => void };

/** Whether an owner has room for contents. Whoever keeps them claims it afterwards, so that others do not take it meanwhile. */
export async function roomFor(
  { usage }: Pick<DriveScope, "usage">,
  { ownerId, node, contents, quotaBytes }: Within & { readonly contents: readonly Fingerprint[] },
): Promise<Result<Claim, QuotaExceeded>> {
  if (quotaBytes === undefined) return ok({ claim() {} });
  const { usedBytes, newBytes } = await usage.of(ownerId, { spaceId: node.spaceId, contents });
  if (newBytes === 0 && usedBytes > quotaBytes) return ok({ claim() {} });
  if (usedBytes + newBytes > quotaBytes)
    return err({ type: "quota-exceeded", quotaBytes, usedBytes, neededBytes: newBytes });
  // What is there now may be gone when it is kept.
  const most = contents.reduce((sum, { size }) => sum + size, 0);
  return ok({ claim: () => usage.claim(ownerId, { quotaBytes, newBytes: most }) });
}
