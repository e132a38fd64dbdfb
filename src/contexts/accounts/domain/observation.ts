import { CivilDate } from "#kernel/civil-date.ts";
import { line } from "#kernel/line.ts";
import { SpelledMoney, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { oneOf, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";

/** The id that a provider gave to an account or to a line. */
export type ExternalId = Brand<string, "ExternalId">;
export const ExternalId = line<ExternalId>("id of a provider", { min: 1, max: 255 });

/** Who was paid or who paid, as the provider writes it. */
export type Counterparty = Brand<string, "Counterparty">;
export const Counterparty = line<Counterparty>("counterparty", { min: 1, max: 200 });

/** More words of a provider about a line. */
export type Remark = Brand<string, "Remark">;
export const Remark = line<Remark>("remark", { min: 1, max: 500 });

/** A pending line is announced: it has no journal entry before it is booked. */
export const lineStatuses = ["pending", "booked"] as const;
export type LineStatus = (typeof lineStatuses)[number];

/** An observation replaces the line with another id, or takes it back. */
export type Correction = { readonly of: ExternalId; readonly action: "replace" | "delete" };

/** A line of an account as a provider told it once. It is never changed: what is told later is another observation. */
export type Observation = {
  readonly externalId?: ExternalId;
  readonly status: LineStatus;
  readonly date: CivilDate;
  /** Positive into the account, negative out of it. */
  readonly amount: Money;
  readonly counterparty?: Counterparty;
  readonly remark?: Remark;
  readonly corrects?: Correction;
};

export const SpelledObservation = shape({
  externalId: optional(ExternalId),
  status: oneOf(...lineStatuses),
  date: CivilDate,
  amount: SpelledMoney,
  counterparty: optional(Counterparty),
  remark: optional(Remark),
  corrects: optional(shape({ of: ExternalId, action: oneOf("replace", "delete") })),
});
export type SpelledObservation = Infer<typeof SpelledObservation>;

/** An observation as it is kept. */
export const Observation = {
  spell: ({ amount, ...observation }: Observation): SpelledObservation => ({
    ...observation,
    amount: Money.spell(amount),
  }),
  read: ({ amount, ...observation }: SpelledObservation): Observation => ({
    ...observation,
    amount: expect(Money.parse(amount)),
  }),
};
