import { branded, type Brand } from "#kernel/shape.ts";

/** Bytes that a name has in UTF-8 at most, as on most file systems. */
export const maxNameBytes = 255;

/** Without separators of paths, control characters, and characters that turn the direction of those after them. */
const pattern = String.raw`^[^/\\\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]+$`;
/** Windows removes spaces and dots at the end of a name, so that it would be the name of another file. */
const trimmed = /^\s|[\s.]$/u;
/** Windows opens a device under these names, whatever comes behind the first dot. */
const device = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i;
/** A character that a reader sees. */
const seen = /[^\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u;

const isPortable = (name: string): boolean =>
  seen.test(name) && !trimmed.test(name) && !device.test(name) && bytesOf(name) <= maxNameBytes;

/** The length of a text in UTF-8. */
export function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

/** The name of a file or a folder, as its writer spelled it: one rule for all doors. A name that another system would change or take for something else is refused. */
export type NodeName = Brand<string, "NodeName">;
export const NodeName = branded<NodeName>("name of a file or folder", {
  schema: { type: "string", pattern, maxLength: maxNameBytes },
  says: `at most ${maxNameBytes} bytes, without slashes, backslashes, control characters and marks of direction, without spaces at its ends or a dot at its end, and no device of Windows such as nul.txt`,
  parse: (input) => (isPortable(input) ? input : undefined),
});

/** What two names in one folder may not share: names that differ in case, or in the Unicode form of their letters, are one. */
export type NameKey = Brand<string, "NameKey">;
export const nameKey = (name: NodeName): NameKey => keyOf(name) as NameKey;

const keyOf = (text: string): string =>
  text.normalize("NFC").toLowerCase().toUpperCase().toLowerCase().normalize("NFC");

/** What of a key is searched: a sigma at the end of a word is written in another way, and may lie in the midst of a name. */
export const searchedKey = (key: string): string => key.replaceAll("ς", "σ");

/** The parts of a search. */
export const wordsOf = (query: string): readonly string[] => [
  ...new Set(searchedKey(keyOf(query)).split(/\s+/u).filter(Boolean)),
];

/** The name that replaces those of an owner who is erased. */
export const erasedName = "erased" as NodeName;
