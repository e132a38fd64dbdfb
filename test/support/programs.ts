import assert from "node:assert/strict";
import { execFile } from "node:child_process";

export type Run = { readonly code: number; readonly said: string };

/** Runs a program, which may fail, with so much time. */
export const run = (
  command: string,
  args: readonly string[],
  { input, env = {} }: { readonly input?: string | Uint8Array; readonly env?: object } = {},
): Promise<Run> =>
  new Promise((resolve) => {
    const options = { timeout: 120_000, maxBuffer: 2 ** 26, env: { ...process.env, ...env } };
    const child = execFile(command, [...args], options, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, said: `${out}${err}` });
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });

/** Runs a program that must succeed. Answers what it has said. */
export async function must(...asked: Parameters<typeof run>): Promise<string> {
  const { code, said } = await run(...asked);
  assert.equal(code, 0, `${asked[0]} ${asked[1].join(" ")}: ${said}`);
  return said;
}
