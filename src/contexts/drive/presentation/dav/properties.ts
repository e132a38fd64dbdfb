import type { Instant } from "#kernel/instant.ts";
import type { Lock } from "../../domain/lock.ts";
import type { Node } from "../../domain/node.ts";
import type { Property, PropertyName } from "../../domain/property.ts";
import type { SeenRollUp } from "../../application/nodes/roll-ups.ts";
import type { SeenSpace } from "../../domain/space.ts";
import type { UsageOfOwner } from "../../application/spaces/usage.ts";
import { tagOf } from "./asked.ts";
import { supportedLocks } from "./locks.ts";
import { dav, escaped } from "./xml.ts";

/** What is told of one resource. */
export type Told = {
  /** The role of the caller in the space; undefined for the folder of all spaces. */
  readonly role: SeenSpace["role"] | undefined;
  /** Of a folder whose tag is told. */
  readonly rollUp: SeenRollUp | undefined;
  readonly node: Pick<Node, "name" | "createdAt" | "changedAt"> & Partial<Node>;
  readonly isFolder: boolean;
  /** Those that clients keep with it. */
  readonly kept: readonly Property[];
  /** Elements of the locks that cover it; undefined where it cannot be locked. */
  readonly locks: string | undefined;
  readonly usage: UsageOfOwner | undefined;
  /** Of a folder whose changes are followed. */
  readonly syncToken: string | undefined;
};

type File = Extract<Node, { readonly kind: "file" }>;
const fileOf = ({ node }: Told): File | undefined =>
  node.kind === "file" ? (node as File) : undefined;

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Weekdays repeat after so many years. `Date.UTC` takes years below 100 for those after 1900. */
const cycle = 400;

/** From the text of an instant: parsing it would take longer than all else that is told. Source: RFC 9110, 5.6.7. */
export function httpDate(at: Instant): string {
  const [year, month, day] = [at.slice(0, 4), Number(at.slice(5, 7)) - 1, at.slice(8, 10)];
  const weekday = new Date(Date.UTC(Number(year) + cycle, month, Number(day))).getUTCDay();
  return `${days[weekday]}, ${day} ${months[month]} ${year} ${at.slice(11, 19)} GMT`;
}
const freeBytes = ({ quotaBytes, usedBytes }: UsageOfOwner): number | undefined =>
  quotaBytes === undefined ? undefined : Math.max(0, quotaBytes - usedBytes);

/** Properties that the drive tells, as what is in their elements; undefined where a resource has none. Sources: RFC 4918, 15, and RFC 4331. */
const live: Readonly<Record<string, (told: Told) => string | number | undefined>> = {
  creationdate: ({ node }) => node.createdAt,
  displayname: ({ node }) => escaped(node.name),
  resourcetype: ({ isFolder }) => (isFolder ? "<D:collection/>" : ""),
  getlastmodified: (told) => httpDate(fileOf(told)?.content.modifiedAt ?? told.node.changedAt),
  getcontentlength: (told) => fileOf(told)?.content.size,
  getcontenttype: (told) => fileOf(told)?.content.mediaType,
  getetag: (told) => {
    const file = fileOf(told);
    return file ? tagOf(file) : told.rollUp && `"${told.rollUp.tag}"`;
  },
  supportedlock: ({ locks }) => (locks === undefined ? undefined : supportedLocks),
  lockdiscovery: ({ locks }) => locks,
  "quota-used-bytes": ({ usage }) => usage?.usedBytes,
  "quota-available-bytes": ({ usage }) => usage && freeBytes(usage),
  "sync-token": ({ syncToken }) => syncToken,
  "supported-report-set": ({ isFolder }) =>
    isFolder
      ? "<D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
      : "",
};
const ownCloud = "http://owncloud.org/ns";

/** What may be done with a resource, a letter each: delete (D), rename (N), move (V), write (W), create files (C) and folders (K), read (G), share (R). */
function permissionsOf({ node, isFolder, role }: Told): string {
  const reads = role === "owner" ? "RG" : "G";
  if (role === undefined || role === "viewer") return reads;
  const writes = isFolder ? "CK" : "W";
  return node.status === "placed" ? `${reads}DNV${writes}` : `${reads}${writes}`;
}

/** Properties that clients of ownCloud and Nextcloud ask for by name. */
const cloud: Readonly<Record<string, (told: Told) => string | number | undefined>> = {
  id: ({ node }) => node.id ?? "spaces",
  fileid: ({ node }) => node.id ?? "spaces",
  permissions: permissionsOf,
  size: (told) => fileOf(told)?.content.size ?? told.rollUp?.bytes,
};

/** Only those who ask for them by name are told these. */
const onlyNamed: ReadonlySet<string> = new Set([
  "quota-used-bytes",
  "quota-available-bytes",
  "sync-token",
  "supported-report-set",
]);

/** The function that tells a property; undefined for properties that clients keep. */
function tellerOf({ namespace, name }: PropertyName) {
  const tellers = namespace === dav ? live : namespace === ownCloud ? cloud : {};
  return Object.hasOwn(tellers, name) ? tellers[name] : undefined;
}

/** Whether clients may not set a property: its name is WebDAV's own, or the drive tells it. */
export const isProtected = (name: PropertyName): boolean =>
  name.namespace === dav || tellerOf(name) !== undefined;

/** What `PROPFIND` asks for: all with some more, all names, or some by their names. */
export type Wanted =
  | { readonly kind: "all"; readonly names: readonly PropertyName[] }
  | { readonly kind: "names" }
  | { readonly kind: "some"; readonly names: readonly PropertyName[] };

const isNamed = (wanted: Wanted, name: string, space = dav): boolean =>
  wanted.kind !== "names" &&
  wanted.names.some((one) => one.namespace === space && one.name === name);

/** What must be looked for to tell what is wanted. */
export const needs = (wanted: Wanted) => ({
  kept: wanted.kind !== "some" || wanted.names.some((name) => !tellerOf(name)),
  role: isNamed(wanted, "permissions", ownCloud),
  rollUps: wanted.kind === "all" || isNamed(wanted, "getetag") || isNamed(wanted, "size", ownCloud),
  locks: wanted.kind === "all" || isNamed(wanted, "lockdiscovery"),
  usage: ["quota-used-bytes", "quota-available-bytes"].some((name) => isNamed(wanted, name)),
  syncToken: isNamed(wanted, "sync-token"),
});

/** An element of a name, without content. */
export const emptyElement = ({ namespace, name }: PropertyName): string =>
  namespace === dav ? `<D:${name}/>` : `<${name} xmlns="${escaped(namespace)}"/>`;

/** Elements of the properties that are wanted of a resource, and of those that it does not have. */
type Elements = { readonly found: string; readonly missing: string };

/** How a property is written out, of any resource. */
function spelling(one: PropertyName) {
  const { namespace, name } = one;
  const empty = emptyElement(one);
  const begin = empty.replace(/\/>$/, ">");
  const end = namespace === dav ? `</D:${name}>` : `</${name}>`;
  const spell = (content: string | number) => (content === "" ? empty : begin + content + end);
  return { ...one, tell: tellerOf(one), spell, empty };
}

function someOf(names: readonly PropertyName[]): (told: Told) => Elements {
  const spellings = names.map(spelling);
  return (told) => {
    let [found, missing] = ["", ""];
    for (const { namespace, name, tell, spell, empty } of spellings) {
      const value = tell?.(told);
      if (value !== undefined) found += spell(value);
      else {
        const kept = told.kept.find((one) => one.namespace === namespace && one.name === name);
        if (kept) found += kept.value;
        else missing += empty;
      }
    }
    return { found, missing };
  };
}

const usual: readonly PropertyName[] = Object.keys(live)
  .filter((name) => !onlyNamed.has(name))
  .map((name) => ({ namespace: dav, name }));

const isUsual = ({ namespace, name }: PropertyName): boolean =>
  namespace === dav && usual.some((one) => one.name === name);

/** What is told of each resource: how it is spelled is settled once for all of them. */
export function elementsOf(wanted: Wanted): (told: Told) => Elements {
  if (wanted.kind === "some") return someOf(wanted.names);
  if (wanted.kind === "names")
    return (told) => {
      const found = usual.filter((one) => tellerOf(one)?.(told) !== undefined);
      return { found: [...found, ...told.kept].map(emptyElement).join(""), missing: "" };
    };
  const usually = someOf(usual);
  const besides = someOf(wanted.names.filter((one) => !isUsual(one)));
  return (told) => {
    const kept = told.kept.map(({ value }) => value).join("");
    const toldAlready = told.kept.map((one) => ({ ...one, value: "" }));
    const more = besides({ ...told, kept: toldAlready });
    return { found: usually(told).found + kept + more.found, missing: more.missing };
  };
}

/** Locks by the node that they are on. */
export const byNode = (locks: readonly Lock[]): ReadonlyMap<string, readonly Lock[]> =>
  Map.groupBy(locks, ({ nodeId }) => nodeId);
