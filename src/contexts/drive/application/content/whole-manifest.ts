import { sizeOf, type Manifest, type RevisionNumber } from "../../domain/content.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { Revisions } from "../ports/revisions.ts";

/** All chunks of a revision. */
export async function wholeManifest(
  revisions: Pick<Revisions, "page">,
  nodeId: NodeId,
  revision: RevisionNumber,
): Promise<Manifest> {
  const manifest: Manifest[number][] = [];
  for (let at = 0; ;) {
    const page = await revisions.page({ nodeId, revision, at });
    if (page?.startsAt !== at) return manifest;
    for (const chunk of page.manifest) manifest.push(chunk);
    at += sizeOf(page.manifest);
    if (page.manifest.length === 0) return manifest;
  }
}
