import { err, ok, type Result } from "#kernel/result.ts";
import { bytesOf } from "./node-name.ts";
import type { NodeId } from "./ids.ts";

/** The name of a property, which is one of many in a namespace of those who made it up. */
export type PropertyName = { readonly namespace: string; readonly name: string };

/** Something that a client keeps with a file or a folder, and that nobody else makes anything of. */
export type Property = PropertyName & { readonly value: string };

/** Properties of one node at most, and bytes of them all. */
export const [maxProperties, maxPropertiesBytes] = [100, 65_536];

export type TooManyProperties = {
  readonly type: "too-many-properties";
  readonly nodeId: NodeId;
  readonly maxProperties: number;
  readonly maxPropertiesBytes: number;
};

const isSame = (a: PropertyName, b: PropertyName): boolean =>
  a.namespace === b.namespace && a.name === b.name;

const sizeOf = ({ namespace, name, value }: Property): number =>
  bytesOf(namespace) + bytesOf(name) + bytesOf(value);

/** One change of properties. Without a value, the property is removed, if it is there. */
export type PropertyChange = PropertyName & { readonly value?: string };

/** What the properties of a node are after changes in their order. */
export function changedProperties(
  nodeId: NodeId,
  before: readonly Property[],
  changes: readonly PropertyChange[],
): Result<readonly Property[], TooManyProperties> {
  let after = before;
  for (const { value, ...name } of changes) {
    after = after.filter((one) => !isSame(one, name));
    if (value !== undefined) after = [...after, { ...name, value }];
  }
  const bytes = after.reduce((sum, one) => sum + sizeOf(one), 0);
  return after.length > maxProperties || bytes > maxPropertiesBytes
    ? err({ type: "too-many-properties", nodeId, maxProperties, maxPropertiesBytes })
    : ok(after);
}
