import { branded, type Brand } from "#kernel/shape.ts";
import { NodeName } from "./node-name.ts";

/** Characters of a path at most, as in most systems. */
const maxPathLength = 4_096;

/** The names of the folders from the root of a space down to a node, and its own: `/` is the root. */
export type NodePath = Brand<string, "NodePath">;
const value = branded<NodePath>("path", {
  schema: { type: "string", pattern: "^/", maxLength: maxPathLength },
  says: "names with a slash before each, as in /Photos/2026",
  parse: (input) => (namesIn(input) ? input : undefined),
});

function namesIn(path: string): readonly NodeName[] | undefined {
  if (path === "/") return [];
  const names = path.split("/").slice(1).map(NodeName.parse);
  const all = names.flatMap((name) => (name.ok ? [name.value] : []));
  return path.startsWith("/") && all.length === names.length ? all : undefined;
}

export const NodePath = {
  ...value,
  root: "/" as NodePath,
  names: (path: NodePath): readonly NodeName[] => namesIn(path) ?? [],
  /** The path of the first so many names. */
  first: (path: NodePath, count: number): NodePath =>
    `/${NodePath.names(path).slice(0, count).join("/")}` as NodePath,
};
