import path from "node:path";

/** A path as a command is given it, from where that was called: npm changes into the clone. `-` stays as it is. */
export function localPath(typed: string): string {
  const { npm_lifecycle_event: script, INIT_CWD: called } = process.env;
  return typed === "-" ? typed : path.resolve(script === "basalt" ? (called ?? ".") : ".", typed);
}
