import type { Context } from "#kernel/context.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { RevisionNumber } from "../../domain/content.ts";
import { deltaOf, type Part } from "../../domain/delta.ts";
import { NodeId } from "../../domain/ids.ts";
import type { NotAFile } from "../../domain/node.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { RevisionNotFound } from "./revisions.ts";
import { wholeManifest } from "./whole-manifest.ts";

/** The newest revision, unless another one is said. `base`: the revision that it is told by. */
export const ReadManifest = shape({
  nodeId: NodeId,
  revision: optional(RevisionNumber),
  base: optional(RevisionNumber),
});
export type ReadManifest = Infer<typeof ReadManifest>;

export type ToldContent = { readonly revision: RevisionNumber; readonly parts: readonly Part[] };

type Deps = { readonly read: Read<DriveScope>; readonly mayAct: MayAct };

/** Tells the chunks of a file, by those of another revision where these are the same. */
export function readManifest({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  type Outcome = Result<ToldContent, Unseen | NotAFile | RevisionNotFound>;
  return async ({ nodeId, ...asked }: ReadManifest, context: Context): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const { node } = found.value;
      if (node.kind !== "file") return err({ type: "not-a-file", nodeId });
      const { revision = node.content.revision, base } = asked;
      for (const one of [revision, base])
        if (one !== undefined && !(await scope.revisions.byNumber(nodeId, one)))
          return err({ type: "revision-not-found", revision: one });
      const manifest = await wholeManifest(scope.revisions, nodeId, revision);
      const basis = base === undefined ? [] : await wholeManifest(scope.revisions, nodeId, base);
      return ok({ revision, parts: deltaOf(manifest, basis) });
    });
}
