import type { Instant } from "#kernel/instant.ts";
import { bytesOf, maxNameBytes, type NodeName } from "./node-name.ts";

/** `2026-11-28 01.45.30`: as part of a name on any system. */
const momentOf = (at: Instant): string => at.slice(0, 19).replace("T", " ").replaceAll(":", ".");

/** Characters of an extension with its dot. More behind a dot are part of the name, and may be left out. */
const maxExtension = 32;

/** As much of the beginning of a text as has so many bytes, in whole letters. */
function shortened(text: string, bytes: number): string {
  let [kept, left] = ["", bytes];
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    left -= bytesOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return kept;
}

/** The name of a file that is kept beside another one, which was changed at the same time. `count`: from 1, for as many as there are of one second. */
export function conflictedName(name: NodeName, at: Instant, count: number): NodeName {
  const which = count === 1 ? "" : ` ${count}`;
  return remarked(name, `conflicted copy ${momentOf(at)}${which}`);
}

/** The name of the first, second … of some files of one name, as in `photo (2).jpg`. */
export const numberedName = (name: NodeName, count: number): NodeName =>
  count === 1 ? name : remarked(name, String(count));

/** A name with a remark before its extension, as in `photo (remark).jpg`. */
export function remarked(name: NodeName, remark: string): NodeName {
  const dot = name.lastIndexOf(".");
  const isExtension = dot > 0 && name.length - dot <= maxExtension;
  const extension = isExtension ? name.slice(dot) : "";
  const stem = name.slice(0, name.length - extension.length);
  const end = ` (${remark})${extension}`;
  return `${shortened(stem, maxNameBytes - bytesOf(end))}${end}` as NodeName;
}
