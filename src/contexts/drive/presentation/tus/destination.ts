import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { optional, shape } from "#kernel/shape.ts";
import { IfNameTaken } from "../../application/content/write-file.ts";
import type { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import type { Drive } from "../../index.ts";
import { segmentsOf } from "../path-segments.ts";
import { granted, Refused } from "./refusals.ts";

/** What the metadata of an upload say about its file. */
const Told = shape({
  filename: NodeName,
  modifiedAt: optional(Instant),
  ifTaken: optional(IfNameTaken),
});

/** Where the file of an upload is to lie. */
export type Destination = {
  readonly folderId: NodeId;
  readonly name: NodeName;
  readonly modifiedAt?: Instant | undefined;
  readonly ifTaken?: IfNameTaken | undefined;
};

/** What a client says about an upload; null of a name without a value. */
export type UploadMetadata = Record<string, string | null>;
type Asked = { readonly drive: Drive; readonly context: Context };

/** The folder that a path names, as in `/Files/Photos`. */
async function folderAt({ drive, context }: Asked, path: string): Promise<NodeId> {
  const [space, ...names] = granted(segmentsOf(path));
  if (space === undefined) throw new Refused({ type: "path-not-found" });
  const { nodes } = granted(await drive.resolvePath({ space, names }, context));
  const node = nodes.at(-1);
  if (!node || nodes.length <= names.length) throw new Refused({ type: "path-not-found" });
  return node.id;
}

/** Where a new upload is to go. Throws where no file of its size may lie there. */
export async function destinationOf(
  asked: Asked,
  {
    path,
    metadata,
    size,
  }: { readonly path: string; readonly metadata: Readonly<UploadMetadata>; readonly size: number },
): Promise<Destination> {
  const { filename, name: said, modifiedAt, ifTaken } = metadata;
  const told = Told.parse({
    filename: filename ?? said ?? undefined,
    ...(modifiedAt == null ? {} : { modifiedAt }),
    ...(ifTaken == null ? {} : { ifTaken }),
  });
  if (!told.ok) throw new Refused({ type: "metadata-invalid", issues: told.error.issues });
  const { filename: name, ...more } = told.value;
  const folderId = await folderAt(asked, path);
  const free = more.ifTaken === "refuse" ? { name } : {};
  granted(await asked.drive.mayCreateFile({ nodeId: folderId, size, ...free }, asked.context));
  return { ...more, folderId, name };
}
