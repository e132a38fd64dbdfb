import { err, ok, type Result } from "./result.ts";
import { branded, type Brand } from "./shape.ts";

/** How many events an aggregate has seen: 0 before its first. */
export type Version = Brand<number, "Version">;

const value = branded<Version>("version", {
  schema: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
});

export const Version = {
  ...value,
  /** The version of an aggregate that does not exist yet. */
  none: 0 as Version,
  plus: (version: Version, events: number): Version => (version + events) as Version,
};

/** An aggregate. `version` is the one it was loaded with; saving counts its new events. */
export type Versioned = { readonly version: Version };

/** The aggregate has changed since the version that the caller saw. */
export type PreconditionFailed = {
  readonly type: "precondition-failed";
  readonly currentVersion: Version;
};

/** The aggregate, if it has the version that the caller expects; any will do where it expects none. */
export const atVersion = <Aggregate extends Versioned>(
  aggregate: Aggregate,
  expected: Version | undefined,
): Result<Aggregate, PreconditionFailed> =>
  expected === undefined || expected === aggregate.version
    ? ok(aggregate)
    : err({ type: "precondition-failed", currentVersion: aggregate.version });
