import type { DoorRequest } from "#platform/http/door.ts";
import { JsonRefused, readJson } from "#platform/http/json-body.ts";
import { malformed } from "./refusals.ts";

export type Args = Readonly<Record<string, unknown>>;

/** Bytes of the arguments of one call, as JSON. */
const maxBytes = 2 ** 20;
const isArgs = (value: unknown): value is Args =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function read(bytes: Uint8Array): Args {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = readJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    throw malformed(`the text of the arguments ${error.message}`);
  }
  if (value === null) return {};
  if (!isArgs(value)) throw malformed("the arguments are not an object");
  return value;
}

/** Arguments that are the body, of so many bytes at most. */
export async function argsIn({ body }: DoorRequest, most = maxBytes): Promise<Args> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > most) throw malformed(`the arguments have more than ${most} bytes`);
    pieces.push(piece);
  }
  return read(Buffer.concat(pieces));
}

/** Arguments in a header, where the body is a content. */
export function headerArgs({ headers }: DoorRequest): Args {
  const told = headers["dropbox-api-arg"];
  if (typeof told !== "string") throw malformed("the header Dropbox-API-Arg is missing");
  return read(Buffer.from(told, "latin1")); // as Node reads headers
}

export function textIn(args: Args, name: string): string {
  const value = args[name];
  if (typeof value !== "string") throw malformed(`${name} must be a text`);
  return value;
}
export const optionalText = (args: Args, name: string): string | undefined =>
  args[name] === undefined || args[name] === null ? undefined : textIn(args, name);

export function flagIn(args: Args, name: string): boolean {
  const value = args[name] ?? false;
  if (typeof value !== "boolean") throw malformed(`${name} must be true or false`);
  return value;
}

export function numberIn(
  args: Args,
  name: string,
  {
    least,
    most,
    usual,
  }: { readonly least: number; readonly most: number; readonly usual?: number },
): number {
  const value = args[name] ?? usual;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    throw malformed(`${name} must be a number from ${least} to ${most}`);
  return value;
}

export function argsOf(args: Args, name: string): Args {
  const value = args[name] ?? {};
  if (!isArgs(value)) throw malformed(`${name} must be an object`);
  return value;
}

export function listIn(args: Args, name: string, most: number): readonly Args[] {
  const value = args[name];
  if (!Array.isArray(value) || value.length > most || !value.every(isArgs))
    throw malformed(`${name} must be a list of at most ${most} objects`);
  return value;
}

/** The name of a case, which may come alone, and what belongs to it. */
export function tagIn(args: Args, name: string, usual: string): { tag: string; more: Args } {
  const value = args[name] ?? usual;
  if (typeof value === "string") return { tag: value, more: {} };
  if (!isArgs(value)) throw malformed(`${name} must be a case`);
  return { tag: textIn(value, ".tag"), more: value };
}

/** JSON that goes into a header. */
export const headerJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
