import type { CivilDate } from "#kernel/civil-date.ts";
import type { Money } from "#kernel/money.ts";
import type { AccountId, EntryId, LineId, ObservationId } from "./ids.ts";
import type { Counterparty, ExternalId, LineStatus, Observation, Remark } from "./observation.ts";

/**
 * A line of the statement of an account elsewhere, as its newest observation says. `removed`: its provider has taken it back, or nothing
 * says any more that it was there; then it has no id either.
 * A booked line has an entry in the journal.
 */
export type Line = {
  readonly id: LineId;
  readonly accountId: AccountId;
  readonly status: LineStatus | "removed";
  readonly date: CivilDate;
  readonly amount: Money;
  readonly counterparty?: Counterparty;
  readonly remark?: Remark;
  readonly externalId?: ExternalId;
  readonly entryId?: EntryId;
  /** The newest observation of it. */
  readonly observationId: ObservationId;
};

export type LineNotFound = { readonly type: "line-not-found"; readonly lineId: LineId };

type Identity = Pick<Line, "id" | "accountId" | "observationId">;

export const Line = {
  /** As an observation says, which may leave out an id that is known. */
  told(
    { id, accountId, observationId }: Identity,
    { corrects, ...said }: Observation,
    before?: Line,
  ): Line {
    const externalId = said.externalId ?? before?.externalId;
    return {
      id,
      accountId,
      observationId,
      ...said,
      status: corrects?.action === "delete" ? "removed" : said.status,
      ...(externalId === undefined ? {} : { externalId }),
      ...(before?.entryId === undefined ? {} : { entryId: before.entryId }),
    };
  },

  /** Nothing is told of it any more: whoever tells of it again tells of another line. */
  removed: ({ externalId: _externalId, ...line }: Line): Line => ({ ...line, status: "removed" }),

  /** The line moves the money that it moved before. */
  movesTheSame: (a: Line, b: Line): boolean =>
    a.status === b.status && a.date === b.date && a.amount.minor === b.amount.minor,
};
