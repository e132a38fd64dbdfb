import type { DoorAnswer } from "#platform/http/door.ts";
import type { PropertyChange, PropertyName } from "../../domain/property.ts";
import { multistatus, propstat, refused, response, type Refusal } from "./answers.ts";
import { hrefOfTarget, type Asked } from "./asked.ts";
import { guarded } from "./guard.ts";
import { emptyElement, isLive } from "./properties.ts";
import type { Target } from "./targets.ts";
import { childrenOf, dav, readXml, xmlOf, type Element } from "./xml.ts";

/** Changes of one request at most. */
const maxChanges = 1_000;

/** Changes in the order in which they are told. A property of the language that was set keeps its own attributes. */
export function changesIn(root: Element): readonly PropertyChange[] {
  return childrenOf(root).flatMap((one) => {
    if (one.namespace !== dav || (one.name !== "set" && one.name !== "remove")) return [];
    return childrenOf(one)
      .filter(({ namespace, name }) => namespace === dav && name === "prop")
      .flatMap((prop) => childrenOf(prop))
      .map((property): PropertyChange => {
        const { namespace, name } = property;
        return one.name === "set"
          ? { namespace, name, value: xmlOf(property) }
          : { namespace, name };
      });
  });
}

const unique = (names: readonly PropertyName[]): readonly string[] => [
  ...new Set(names.map(emptyElement)),
];

const protectedError = "<D:error><D:cannot-modify-protected-property/></D:error>";

/** What the drive tells by itself cannot be changed. */
export const unchangeable = (changes: readonly PropertyChange[]): readonly PropertyChange[] =>
  changes.filter(isLive);

/** All changes are made, or none: those that could be are told to depend on the others. */
export const outcomes = (
  changes: readonly PropertyChange[],
  failed?: { status: number; more?: string; those: readonly PropertyChange[] },
): string => {
  if (!failed) return propstat(200, unique(changes));
  const others = changes.filter((one) => !failed.those.includes(one));
  return propstat(failed.status, unique(failed.those), failed.more) + propstat(424, unique(others));
};

/** Changes properties that clients keep. */
export async function proppatch(asked: Asked, target: Target): Promise<DoorAnswer> {
  const body = await readXml(asked.request.body);
  if (!body.ok) return refused(body.error);
  const root = body.value;
  const changes = root?.namespace === dav && root.name === "propertyupdate" ? changesIn(root) : [];
  if (changes.length === 0 || changes.length > maxChanges)
    return refused({ type: "xml-invalid", why: "it is no propertyupdate" } as Refusal);
  if (target.kind === "missing") return refused({ type: "path-not-found" });
  if (target.kind === "home") return refused({ type: "method-not-allowed" });
  const may = await guarded(asked, target, [{ on: target, effect: "changes" }]);
  if (!may.ok) return may.error;
  const href = hrefOfTarget(asked, target);
  const those = unchangeable(changes);
  if (those.length > 0)
    return multistatus(
      response(href, outcomes(changes, { status: 403, more: protectedError, those })),
    );
  const changed = await asked.drive.changeProperties(
    { nodeId: target.node.id, changes },
    asked.context,
  );
  if (changed.ok) return multistatus(response(href, outcomes(changes)));
  if (changed.error.type !== "too-many-properties") return refused(changed.error);
  return multistatus(response(href, outcomes(changes, { status: 507, those: changes })));
}
