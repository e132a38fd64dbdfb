import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Mirror } from "../../domain/account.ts";
import { ObservationId } from "../../domain/ids.ts";
import type { ArrivingImport, Statement } from "../../domain/statement-import.ts";
import type { FilePart, StatementFile, UploadInvalid } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";

/** Rows and statements of one file at most. */
const [maxRows, maxStatements] = [1_000_000, 100];

const invalid = (reason: UploadInvalid["reason"]) =>
  err<UploadInvalid>({ type: "upload-invalid", reason });

/** Whether the statements of a file are of an account that is known. */
function checked(
  heads: readonly Statement[],
  chosen: Mirror | undefined,
): Result<void, UploadInvalid> {
  if (!chosen)
    return heads.some(
      ({ externalId, currency }) => externalId === undefined || currency === undefined,
    )
      ? invalid("account-unknown")
      : ok(undefined);
  const names = new Set(heads.map(({ externalId, currency }) => `${externalId} ${currency}`));
  if (names.size > 1) return invalid("several-accounts");
  const known = chosen.elsewhere.externalId;
  if (heads.some(({ externalId }) => known !== undefined && (externalId ?? known) !== known))
    return invalid("other-account");
  return heads.some(({ currency }) => currency !== undefined && currency !== chosen.currency)
    ? invalid("other-currency")
    : ok(undefined);
}

type Staged = { readonly rows: number; readonly statements: readonly Statement[] };
type Staging = {
  /** Each step has a deadline of its own. */
  readonly step: () => Context;
  readonly chosen: Mirror | undefined;
};
type Deps = { readonly unitOfWork: UnitOfWork<AccountsScope>; readonly newId: NewId };

/** Keeps the rows of a file as they arrive. */
export function staging({ unitOfWork, newId }: Deps) {
  return async (
    arriving: ArrivingImport,
    { parts }: StatementFile,
    { step, chosen }: Staging,
  ): Promise<Result<Staged, UploadInvalid | Conflict>> => {
    let rows = 0;
    const statements: Statement[] = [];
    async function keep(part: FilePart): Promise<Result<void, UploadInvalid | Conflict>> {
      if (part.kind === "statement") {
        statements.push(part.head);
        return statements.length > maxStatements
          ? invalid("too-many-statements")
          : checked(statements, chosen);
      }
      if (part.kind === "balance") {
        const statement = statements[part.statement];
        if (statement) statements[part.statement] = { ...statement, balance: part.balance };
        return ok(undefined);
      }
      const staged = part.rows.map((row, i) => ({
        ...row,
        id: newId(ObservationId),
        number: rows + i + 1,
        statement: part.statement,
      }));
      rows += staged.length;
      if (rows > maxRows) return invalid("too-many-rows");
      return unitOfWork(step(), async ({ imports }) => ok(imports.stage(arriving.id, staged)));
    }
    for await (const part of parts) {
      if (!part.ok) return part;
      const kept = await keep(part.value);
      if (!kept.ok) return kept;
    }
    return statements.length === 0 ? invalid("empty") : ok({ rows, statements });
  };
}
