import { withDigest, type Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Flag } from "#kernel/scalars.ts";
import { handedOver, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import { isMirror, type AccountNotFound, type Mirror } from "../../domain/account.ts";
import { AccountId, ImportId, OwnerId } from "../../domain/ids.ts";
import { ProviderId } from "../../domain/provider.ts";
import {
  noRows,
  StatementImport,
  type ArrivingImport,
  type WaitingImport,
} from "../../domain/statement-import.ts";
import { Permissions } from "../permission.ts";
import type { Provider, StatementFile, UploadInvalid } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { knownMirrors, mirrorsOf } from "./mirrors.ts";
import { staging } from "./stage-rows.ts";
import { fileProviders, providerOf, type ProviderUnknown } from "./provider-of.ts";

/** `accountId`: all rows are of this account; a file that does not name its account needs it. */
export const ImportStatements = shape({
  provider: optional(ProviderId),
  accountId: optional(AccountId),
  dryRun: optional(Flag),
  content: handedOver<StatementFile>("file", {
    description: "OFX, QFX or QBO, or CSV whose first row names the columns",
  }),
});
export type ImportStatements = Infer<typeof ImportStatements>;

/** The account mirrors none: statements do not move its money. */
export type AccountNotElsewhere = {
  readonly type: "account-not-elsewhere";
  readonly accountId: AccountId;
};

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly providers: readonly Provider[];
};
type Refusal =
  | UploadInvalid
  | ProviderUnknown
  | AccountNotFound
  | AccountNotElsewhere
  | Forbidden
  | Conflict;

/** Files that no other provider is named for. */
export const anyBank = "bank" as ProviderId;

/** Attempts to open accounts that another file opens, too. */
const attempts = 5;

/** One step of something long has so much time, as a request has. */
export const stepMs = 10_000;

/** Whether the actor may send a file, before it arrives. */
export const mayImportStatements =
  ({ mayAct }: Pick<Deps, "mayAct">) =>
  async (_asked: object, context: Context): Promise<Result<void, Forbidden>> =>
    mayAct(context, Permissions.importStatements);

/** The account that whoever sends a file says it is of. */
async function chosenBy(
  read: Deps["read"],
  { accountId }: ImportStatements,
  context: Context,
): Promise<Result<Mirror | undefined, AccountNotFound | AccountNotElsewhere | Forbidden>> {
  if (accountId === undefined) return ok(undefined);
  const found = await read(context, ({ accounts }) => accounts.byId(accountId));
  if (!found || found.ownerId !== context.actor)
    return err({ type: "account-not-found", accountId });
  return isMirror(found) ? ok(found) : err({ type: "account-not-elsewhere", accountId });
}

const gone: Forbidden = { type: "forbidden", permission: Permissions.importStatements };

/** Receives a file of statements, whose rows a background job matches. An upload that breaks off leaves nothing. */
export function importStatements(deps: Deps) {
  const { unitOfWork, read, mayAct, clock, newId, providers } = deps;
  const stage = staging(deps);
  return async (
    input: ImportStatements,
    { idempotency, ...context }: Context,
  ): Promise<Result<WaitingImport, Refusal>> => {
    const { dryRun: isDryRun = false, content } = input;
    const allowed = await mayAct(context, Permissions.importStatements);
    if (!allowed.ok) return allowed;
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return err(gone);
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const chosen = await chosenBy(read, input, step());
    if (!chosen.ok) return chosen;
    const provider = providerOf(
      fileProviders(providers),
      input.provider ?? chosen.value?.elsewhere.provider ?? anyBank,
    );
    if (!provider.ok) return provider;
    const arriving: ArrivingImport = {
      id: newId(ImportId),
      ownerId: owner.value,
      provider: provider.value.id,
      ...(chosen.value ? { accountId: chosen.value.id } : {}),
      isDryRun,
      status: "arriving",
      rows: 0,
      statements: [],
      tally: noRows,
      receivedAt: clock.now(),
      version: Version.none,
    };
    const opened = await unitOfWork(step(), async ({ imports }) => ok(imports.open(arriving)));
    if (!opened.ok) return opened;
    let isUnwanted = true;
    try {
      const staged = await stage(arriving, content, { step, chosen: chosen.value });
      if (!staged.ok) return staged;
      const { rows, statements } = staged.value;
      const same = idempotency ? { idempotency: withDigest(idempotency, content.digest()) } : {};
      const receive = () =>
        unitOfWork({ ...step(), ...same }, async (scope) => {
          // Its owner may have been erased while it arrived.
          if (!(await scope.imports.held(arriving.id))) return err(gone);
          isUnwanted = false; // if this breaks off, it may have been received
          const opening = { newId, now: clock.now(), provider: provider.value };
          const known = isDryRun
            ? await knownMirrors(scope, { ...arriving, statements })
            : await mirrorsOf(scope, { ...arriving, statements }, opening);
          return ok(scope.imports.save(StatementImport.received(arriving, rows, known)));
        });
      // Another file may have opened the same account meanwhile. This one cannot arrive a second time.
      let received = await receive();
      for (let again = 1; again < attempts && !received.ok; again += 1) received = await receive();
      // A file that was sent before answers its first import; this one is discarded.
      isUnwanted = !received.ok || received.value.id !== arriving.id;
      return received;
    } finally {
      if (isUnwanted)
        await unitOfWork(step(), async ({ imports }) => ok(imports.discard(arriving.id)));
    }
  };
}
