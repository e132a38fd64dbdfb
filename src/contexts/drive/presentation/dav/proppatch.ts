import type { DoorAnswer } from "#platform/http/door.ts";
import {
  maxPropertiesBytes,
  type PropertyChange,
  type PropertyName,
} from "../../domain/property.ts";
import { multistatus, propstat, refused, response } from "./answers.ts";
import { hrefOfTarget, type Asked } from "./asked.ts";
import { guarded } from "./guard.ts";
import { emptyElement, isProtected } from "./properties.ts";
import type { Target } from "./targets.ts";
import { childrenOf, dav, lengthOf, readXml, xmlOf, type Element } from "./xml.ts";

/** Changes of one request at most, and characters of what is set. */
const [maxChanges, maxLength] = [1_000, 4 * maxPropertiesBytes];

const isSetting = ({ namespace, name }: Element): boolean =>
  namespace === dav && (name === "set" || name === "remove");

/** Changes in the order in which they are told; undefined where they are too many, or too large. */
export function changesIn(root: Element): readonly PropertyChange[] | undefined {
  const properties = childrenOf(root)
    .filter(isSetting)
    .flatMap((setting) =>
      childrenOf(setting)
        .filter(({ namespace, name }) => namespace === dav && name === "prop")
        .flatMap((prop) => childrenOf(prop))
        .map((property) => ({ property, isSet: setting.name === "set" })),
    );
  const length = properties.reduce((sum, { property }) => sum + lengthOf(property), 0);
  if (properties.length > maxChanges || length > maxLength) return undefined;
  return properties.map(({ property, isSet }): PropertyChange => {
    const { namespace, name } = property;
    return isSet ? { namespace, name, value: xmlOf(property) } : { namespace, name };
  });
}

const unique = (names: readonly PropertyName[]): string =>
  [...new Set(names.map(emptyElement))].join("");

const protectedError = "<D:error><D:cannot-modify-protected-property/></D:error>";

/** What the drive tells by itself cannot be changed. */
export const unchangeable = (changes: readonly PropertyChange[]): readonly PropertyChange[] =>
  changes.filter(isProtected);

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
  const body = await readXml(asked.request.body, asked.timers);
  if (!body.ok) return refused(body.error);
  const root = body.value;
  const changes = root?.namespace === dav && root.name === "propertyupdate" ? changesIn(root) : [];
  if (!changes) return refused({ type: "too-much-asked" });
  if (changes.length === 0) return refused({ type: "xml-invalid", why: "it is no propertyupdate" });
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
