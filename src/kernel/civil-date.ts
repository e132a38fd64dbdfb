import { Instant } from "./instant.ts";
import { branded, type Brand } from "./shape.ts";

/** A day of the calendar without a time or a zone, as in `2027-01-31`. Texts compare like the days. */
export type CivilDate = Brand<string, "CivilDate">;

const dayMs = 86_400_000;

const value = branded<CivilDate>("date", {
  schema: { type: "string", format: "date", maxLength: 10 },
  says: "a date, as in 2027-01-31",
  parse: (input) => (input.length === 10 && Instant.parse(input).ok ? input : undefined),
});

export const CivilDate = {
  ...value,
  /** So many days later, or earlier. */
  plus: (date: CivilDate, days: number): CivilDate =>
    new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10) as CivilDate,
  /** The day of an instant in UTC. */
  ofInstant: (instant: Instant): CivilDate => instant.slice(0, 10) as CivilDate,
};
