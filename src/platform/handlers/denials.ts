import type { Clock } from "#kernel/instant.ts";
import type { Audit } from "#kernel/audit.ts";
import { entryOf } from "../audit/audit.ts";
import { outcomeOf, type AnyHandler } from "./handler.ts";

export type Denials = {
  readonly audit: Pick<Audit, "enter">;
  readonly clock: Clock;
  /** The types of the refusals that the audit keeps. */
  readonly denials: ReadonlySet<string>;
  /** The fields of inputs that name a target, beside all whose name ends with `Id`. */
  readonly targetFields: ReadonlySet<string>;
};

/** Enters denials into the audit, although they change nothing: an actor tried what they may not do. */
export const auditingDenials =
  (handler: AnyHandler, { audit, clock, denials, targetFields }: Denials): AnyHandler =>
  async (input, context) => {
    const result = await handler(input, context);
    const outcome = outcomeOf(result);
    if (!denials.has(outcome)) return result;
    const targets = targetsIn(input, targetFields);
    await audit.enter(entryOf(context, { at: clock.now(), outcome, targets }));
    return result;
  };

const targetsIn = (input: object, fields: ReadonlySet<string>): readonly string[] =>
  Object.entries(input).flatMap(([field, value]) =>
    typeof value === "string" && (fields.has(field) || field.endsWith("Id")) ? [value] : [],
  );
