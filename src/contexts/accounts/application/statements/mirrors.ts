import type { NewId } from "#kernel/id.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { Account, type Mirror } from "../../domain/account.ts";
import { AccountId } from "../../domain/ids.ts";
import { AccountName } from "../../domain/labels.ts";
import type { Statement, StatementImport } from "../../domain/statement-import.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";

type Opening = {
  readonly newId: NewId;
  readonly now: Instant;
  readonly provider: Provider;
};

function nameOf({ name }: Provider, { type, mask }: Statement): AccountName {
  const said = [name, type, ...(mask === undefined ? [] : [mask])].join(" ");
  return expect(AccountName.parse(said));
}

const isNamed = (
  statement: Statement,
): statement is Statement & Required<Pick<Statement, "externalId" | "currency">> =>
  statement.externalId !== undefined && statement.currency !== undefined;

/** The statements with the accounts that mirror theirs already. */
export const knownMirrors = (
  { accounts }: Pick<AccountsScope, "accounts">,
  { ownerId, provider, statements, accountId: chosen }: StatementImport,
): Promise<readonly Statement[]> =>
  Promise.all(
    statements.map(async (statement) => {
      if (chosen !== undefined) return { ...statement, accountId: chosen };
      if (!isNamed(statement)) return statement;
      const { externalId, currency } = statement;
      const known = await accounts.mirroring({ ownerId, provider, externalId, currency });
      return known ? { ...statement, accountId: known.id } : statement;
    }),
  );

/** Opens accounts for those of a file that none mirrors yet. Answers the statements with their accounts. */
export async function mirrorsOf(
  scope: Pick<AccountsScope, "accounts">,
  importing: StatementImport,
  { newId, now, provider }: Opening,
): Promise<readonly Statement[]> {
  const { ownerId } = importing;
  const opened = new Map<string, AccountId>();
  const statements = await knownMirrors(scope, importing);
  return statements.map((statement) => {
    if (statement.accountId !== undefined || !isNamed(statement)) return statement;
    const { externalId, currency, type, mask } = statement;
    const key = `${externalId} ${currency}`;
    const known = opened.get(key);
    if (known !== undefined) return { ...statement, accountId: known };
    const { outside, ...mirror } = Account.openMirror({
      id: newId(AccountId),
      ownerId,
      name: nameOf(provider, statement),
      type,
      currency,
      ...(mask === undefined ? {} : { mask }),
      elsewhere: { provider: provider.id, externalId, outsideId: newId(AccountId) },
      openedAt: now,
    });
    scope.accounts.save(outside);
    const { id: accountId } = scope.accounts.save(mirror);
    opened.set(key, accountId);
    return { ...statement, accountId };
  });
}

/** The currency that rows of a statement are of, as far as it is known. */
export const currencyOf = (
  statement: Statement,
  mirror: Mirror | undefined,
): Currency | undefined => mirror?.currency ?? statement.currency;
