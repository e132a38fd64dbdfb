import { fileTypeFromBuffer } from "file-type";
import type { Sniff } from "../application/ports/chunks.ts";
import { MediaType } from "../domain/content.ts";

/** The signatures of formats lie in so many bytes. Of more, a hostile archive could be unpacked for long. */
const headBytes = 4_096;
const plainText = "text/plain" as MediaType;
/** All control characters but tabs, ends of lines and pages, and the escape of terminals. */
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000B\u000E-\u001A\u001C-\u001F]/;

/** UTF-8, of which the last character may be cut. */
function isText(head: Uint8Array): boolean {
  try {
    return !control.test(new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true }));
  } catch {
    return false;
  }
}

/** The format by its signature, or `text/plain` for text of any kind: what a text is for, only its name tells. */
export const sniff: Sniff = async (beginning) => {
  const head = beginning?.slice(0, headBytes) ?? new Uint8Array(0);
  if (head.length === 0) return MediaType.unknown;
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  const parsed = found && MediaType.parse(found.mime.split(";")[0]);
  if (parsed?.ok) return parsed.value;
  return isText(head) ? plainText : MediaType.unknown;
};
