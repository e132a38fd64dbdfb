import { entryOf, type Audit } from "#kernel/audit.ts";
import { outcomeOf, type AnyHandler } from "./handler.ts";

export type Denials = {
  readonly audit: Pick<Audit, "enter">;
  /** The types of the refusals that the audit keeps. */
  readonly denials: ReadonlySet<string>;
  /** The fields of inputs that name a target, beside all whose name ends with `Id`. */
  readonly targetFields: ReadonlySet<string>;
};

/** Enters denials into the audit, although they change nothing: an actor tried what they may not do. */
export const auditingDenials =
  (handler: AnyHandler, { audit, denials, targetFields }: Denials): AnyHandler =>
  async (input, context) => {
    const result = await handler(input, context);
    const outcome = outcomeOf(result);
    if (!denials.has(outcome)) return result;
    const targets = targetsIn(input, targetFields);
    await audit.enter(entryOf(context, { outcome, targets }));
    return result;
  };

const targetsIn = (input: object, fields: ReadonlySet<string>): readonly string[] =>
  Object.entries(input).flatMap(([field, value]) =>
    typeof value === "string" && (fields.has(field) || field.endsWith("Id")) ? [value] : [],
  );
