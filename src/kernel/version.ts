import { branded, type Brand } from "./shape.ts";

/** How many events an aggregate has seen: 0 before its first. */
export type Version = Brand<number, "Version">;

const value = branded<Version>("version", {
  schema: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
});

export const Version = {
  ...value,
  /** Of an aggregate that does not exist yet. */
  none: 0 as Version,
  plus: (version: Version, events: number): Version => (version + events) as Version,
};
