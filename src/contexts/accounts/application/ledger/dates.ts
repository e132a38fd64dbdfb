import { CivilDate } from "#kernel/civil-date.ts";
import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Accounts } from "../../domain/ledger.ts";

/** Days that an entry may be dated ahead: it is tomorrow already in other zones. */
export const maxDaysAhead = 1;
const dayMs = 86_400_000;

/** An entry is dated neither before one of its accounts was opened, nor ahead. The accounts of a currency pair have no first day. */
export type DateInvalid = {
  readonly type: "date-invalid";
  readonly reason: "before-opening" | "in-the-future";
};

/** The date of an entry, today unless it says another. Days are those of UTC. */
export function dateOf(
  wanted: CivilDate | undefined,
  accounts: Accounts,
  now: Instant,
): Result<CivilDate, DateInvalid> {
  if (wanted === undefined) return ok(CivilDate.ofInstant(now));
  const last = CivilDate.ofInstant(Instant.plus(now, maxDaysAhead * dayMs));
  if (wanted > last) return err({ type: "date-invalid", reason: "in-the-future" });
  for (const { openedAt, pair } of accounts.values())
    if (pair === undefined && wanted < CivilDate.ofInstant(openedAt))
      return err({ type: "date-invalid", reason: "before-opening" });
  return ok(wanted);
}
