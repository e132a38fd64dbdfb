import { err, ok, type Result } from "#kernel/result.ts";

/** It is no path, or one of its names has a slash. */
export type PathInvalid = { readonly type: "path-invalid" };

/** The names of a path as it is sent, with their percent-encoding undone. */
export function segmentsOf(path: string): Result<readonly string[], PathInvalid> {
  try {
    const segments = path.split("/").filter((segment) => segment !== "");
    const names = segments.map((segment) => decodeURIComponent(segment));
    return names.some((name) => name.includes("/")) ? err({ type: "path-invalid" }) : ok(names);
  } catch {
    return err({ type: "path-invalid" });
  }
}
