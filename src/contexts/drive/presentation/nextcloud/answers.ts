import type { TextAnswer } from "#platform/http/door.ts";

export const json = (status: number, value: unknown): TextAnswer => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8" },
  text: JSON.stringify(value),
});

/** A door that is only looked at. */
export const reading = { methods: ["GET", "HEAD"], options: { allow: "GET, HEAD" } } as const;
