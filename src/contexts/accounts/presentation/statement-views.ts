import { CivilDate } from "#kernel/civil-date.ts";
import { Instant } from "#kernel/instant.ts";
import { Currency, Money, SpelledMoney } from "#kernel/money.ts";
import { Count, Flag, text } from "#kernel/scalars.ts";
import { list, named, oneOf, opaque, optional, shape, type Infer } from "#kernel/shape.ts";
import { sentenceOf } from "#platform/http/problem.ts";
import {
  BalancePageSize,
  ImportPageSize,
  LineCursor,
  LinePageSize,
  RowPageSize,
  type BalanceOnDay,
  type LineChain,
} from "../application/statements/read-statements.ts";
import type { ImportedRow, SettledRow } from "../application/ports/statements.ts";
import { AccountType } from "../domain/account-type.ts";
import { AccountId, EntryId, ImportId, LineId, ObservationId } from "../domain/ids.ts";
import { Mask } from "../domain/labels.ts";
import type { Line } from "../domain/line.ts";
import {
  Counterparty,
  ExternalId,
  Observation,
  Remark,
  SpelledObservation,
} from "../domain/observation.ts";
import { ProviderId } from "../domain/provider.ts";
import { outcomes, type StatementImport } from "../domain/statement-import.ts";

const maxStatements = 100;
const Text = text(200_000);

export const ImportView = named(
  "StatementImport",
  shape({
    id: ImportId,
    provider: ProviderId,
    dryRun: Flag,
    status: oneOf("arriving", "waiting", "finished", "undoing", "undone"),
    rows: Count,
    statements: list(
      shape({
        accountId: optional(AccountId),
        type: AccountType,
        currency: optional(Currency),
        mask: optional(Mask),
        balance: optional(shape({ amount: SpelledMoney, on: CivilDate, at: optional(Instant) })),
      }),
      maxStatements,
    ),
    created: Count,
    matched: Count,
    updated: Count,
    ignored: Count,
    doubtful: Count,
    quarantined: Count,
    receivedAt: Instant,
    finishedAt: optional(Instant),
  }),
);
export const ImportListView = named(
  "StatementImportList",
  shape({ items: list(ImportView, ImportPageSize.most), nextCursor: optional(ImportId) }),
);

export function toImport(found: StatementImport): Infer<typeof ImportView> {
  const { id, provider, isDryRun, status, rows, statements, tally, receivedAt } = found;
  return {
    id,
    provider,
    dryRun: isDryRun,
    status,
    rows,
    statements: statements.map(
      ({ format: _format, externalId: _externalId, balance, ...statement }) => ({
        ...statement,
        ...(balance ? { balance: { ...balance, amount: Money.spell(balance.amount) } } : {}),
      }),
    ),
    ...tally,
    receivedAt,
    ...("finishedAt" in found ? { finishedAt: found.finishedAt } : {}),
  };
}

/** `because`: why the row may be of the line, as in `same-amount`. */
const Suspects = list(shape({ lineId: LineId, because: list(text(30), 10) }), 1_000);

/** `raw`: the fields as they came. `suspects`: lines that a doubtful row may be of. */
export const RowView = named(
  "StatementRow",
  shape({
    id: ObservationId,
    importId: ImportId,
    line: Count,
    outcome: oneOf(...outcomes),
    accountId: optional(AccountId),
    lineId: optional(LineId),
    observation: optional(SpelledObservation),
    detail: optional(Text),
    reason: optional(text(60)),
    field: optional(text(255)),
    suspects: optional(Suspects),
    raw: opaque("raw"),
  }),
);
export const RowListView = named(
  "StatementRowList",
  shape({ items: list(RowView, RowPageSize.most), nextCursor: optional(ObservationId) }),
);

function reasonOf(reason: SettledRow["reason"]): Partial<Infer<typeof RowView>> {
  if (!reason) return {};
  if (reason.type === "doubtful") return { suspects: reason.suspects };
  const { type, ...details } = reason;
  return { ...details, detail: sentenceOf(type, details) };
}

export const toRow = (row: ImportedRow): Infer<typeof RowView> => {
  const { id, importId, line, outcome, accountId, lineId, observation, reason, raw } = row;
  return {
    id,
    importId,
    line,
    outcome,
    ...(accountId === undefined ? {} : { accountId }),
    ...(lineId === undefined ? {} : { lineId }),
    ...(observation ? { observation: Observation.spell(observation) } : {}),
    ...reasonOf(reason),
    raw,
  };
};

const line = {
  id: LineId,
  accountId: AccountId,
  status: oneOf("pending", "booked", "removed"),
  date: CivilDate,
  amount: SpelledMoney,
  counterparty: optional(Counterparty),
  remark: optional(Remark),
  externalId: optional(ExternalId),
  entryId: optional(EntryId),
};
export const LineListView = named(
  "TransactionList",
  shape({
    items: list(named("Transaction", shape(line)), LinePageSize.most),
    nextCursor: optional(LineCursor),
  }),
);

/** All that was told of a transaction, oldest first: the newest says what it is. */
export const ChainView = named(
  "TransactionChain",
  shape({
    ...line,
    observations: list(
      shape({
        id: ObservationId,
        importId: ImportId,
        outcome: oneOf(...outcomes),
        observation: optional(SpelledObservation),
      }),
      10_000,
    ),
  }),
);

export const toLine = ({ observationId: _observationId, amount, ...told }: Line) => ({
  ...told,
  amount: Money.spell(amount),
});

export const toChain = ({ line: told, observations }: LineChain): Infer<typeof ChainView> => ({
  ...toLine(told),
  observations: observations.map(({ id, importId, outcome, observation }) => ({
    id,
    importId,
    outcome,
    ...(observation ? { observation: Observation.spell(observation) } : {}),
  })),
});

/** `at`: the balance is of that moment, not of the end of the day. `derived`: what the lines lead to by then; `difference`: what the provider told less that. */
export const BalanceListView = named(
  "ToldBalanceList",
  shape({
    items: list(
      shape({
        on: CivilDate,
        at: optional(Instant),
        told: SpelledMoney,
        derived: SpelledMoney,
        difference: SpelledMoney,
      }),
      BalancePageSize.most,
    ),
    nextCursor: optional(CivilDate),
  }),
);

export const toToldBalance = ({ on, at, amount, derived }: BalanceOnDay) => {
  const money = (minor: bigint) => Money.spell(Money.of(minor, amount.currency));
  return {
    on,
    ...(at === undefined ? {} : { at }),
    told: Money.spell(amount),
    derived: money(derived),
    difference: money(amount.minor - derived),
  };
};
