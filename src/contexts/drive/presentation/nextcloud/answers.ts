import type { TextAnswer } from "#platform/http/door.ts";

export const json = (status: number, value: unknown): TextAnswer => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8" },
  text: JSON.stringify(value),
});

/** A door that takes no files. */
export const nothing = {
  methods: ["GET", "HEAD"],
  fileMethods: [],
  places: [1, 1],
  options: { allow: "GET, HEAD" },
} as const;
