import type { Infer } from "#kernel/shape.ts";
import type { NodeId } from "../domain/ids.ts";
import { nameKey, type NodeName } from "../domain/node-name.ts";
import { NodeFacts, Refused, SpaceFacts, SpacesFacts, type Server } from "./server.ts";

export type FoundSpace = Infer<typeof SpaceFacts>;

const firstName = "My files";
const isNamed = (space: FoundSpace, name: string): boolean =>
  nameKey(space.name) === nameKey(name as NodeName);

const told = (spaces: readonly FoundSpace[]): string =>
  spaces.map(({ id, name }) => `${name} (${id})`).join(", ");

/** The space of an id or a name; without one, the only space that the user owns. A user without any is given a first one. */
export async function findSpace(server: Server, named: string | undefined): Promise<FoundSpace> {
  const { items } = await server.ask(SpacesFacts, "GET", "spaces");
  const own = items.filter(({ role }) => role === undefined || role === "owner");
  if (named === undefined && own.length === 0)
    return server.ask(SpaceFacts, "POST", "spaces", { json: { name: firstName } });
  const byId = items.find(({ id }) => id === named);
  if (byId) return byId;
  const found = named === undefined ? own : items.filter((space) => isNamed(space, named));
  const [only, another] = found;
  if (another)
    throw new Error(
      `you have ${found.length} such spaces: say which one with --space and its id: ${told(found)}`,
    );
  if (!only) throw new Error(`there is no space ${named}; you have ${told(items) || "none"}`);
  return only;
}

/** The node at a path of a space; undefined where there is none. */
export async function findNode(
  server: Server,
  { id }: FoundSpace,
  path: string,
): Promise<NodeFacts | undefined> {
  try {
    return await server.ask(NodeFacts, "GET", `spaces/${id}/paths`, { query: { path } });
  } catch (error) {
    if (error instanceof Refused && error.code === "PATH_NOT_FOUND") return undefined;
    throw error;
  }
}

/** The folder at a path of a space. Those that are not there yet are made. */
export async function makeFolder(server: Server, space: FoundSpace, path: string): Promise<NodeId> {
  let [folderId, at] = [space.rootId, ""];
  for (const name of path.split("/").filter((one) => one !== "")) {
    at += `/${name}`;
    const found = await findNode(server, space, at);
    if (found?.kind === "file") throw new Error(`${at} is a file`);
    const made = { json: { name } };
    folderId = (found ?? (await server.ask(NodeFacts, "POST", `nodes/${folderId}/folders`, made)))
      .id;
  }
  return folderId;
}
