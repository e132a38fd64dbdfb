import { andThen, type Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Credentials } from "../../domain/credentials.ts";
import type { Email } from "../../domain/email.ts";
import type { IdentityEvent } from "../../domain/events.ts";
import type { Password, PasswordHash } from "../../domain/password.ts";
import { Role } from "../../domain/role.ts";
import { User, type PresentUser } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { UserName } from "../../domain/user-name.ts";
import { administratorsLock } from "../administrators.ts";
import { endAll, revokeAll } from "../revocation.ts";
import type { IdentityScope, Passwords } from "../ports.ts";

/** `made` is a generated password for one sign-in, which must replace it. It is shown once. */
export type Administrator =
  | { readonly kind: "known" }
  | { readonly kind: "appointed"; readonly isNew: boolean; readonly made?: Password };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Appointment = { readonly email: Email; readonly password?: Password | undefined };

/** Appoints an administrator if there is none. */
export function ensureAdministrator(deps: Deps) {
  const appoint = appointAdministrator(deps);
  return async (
    wanted: Appointment,
    context: Context,
  ): Promise<Result<Administrator, Conflict>> => {
    const isAdministered = await deps.read(context, ({ users }) =>
      users.isAdministeredWithout(undefined),
    );
    return isAdministered ? ok({ kind: "known" }) : appoint(wanted, context, "unless administered");
  };
}

/**
 * Makes an administrator of whoever has the address, a new user if nobody has. All that the account could be
 * entered with before is gone: it may have been of anybody.
 */
export function appointAdministrator({ unitOfWork, read, passwords, clock, newId }: Deps) {
  return async (
    { email, password }: Appointment,
    context: Context,
    unless?: "unless administered",
  ): Promise<Result<Administrator, Conflict>> => {
    const made = password === undefined ? passwords.make() : undefined;
    const hash = expect(await passwords.hash(made ?? (password as Password)));
    const holder = await read(context, ({ users }) => users.byEmail(email));
    const id = holder?.id ?? newId(UserId);

    return unitOfWork(
      context,
      async ({ users, credentials, sessions, apiKeys }) => {
        if (unless && (await users.isAdministeredWithout(undefined)))
          return ok<Administrator>({ kind: "known" });
        const at = clock.now();
        const known = await users.byEmail(email);
        if (known?.id !== holder?.id) return err({ type: "conflict" });
        users.save(known ? User.appoint(known) : firstOf(id, email, at));
        const current = await credentials.byUser(id);
        credentials.save(onlyPassword(current, hash, made !== undefined));
        await endAll(sessions, id, { at, why: "password-set" });
        await revokeAll(apiKeys, id, at);
        return ok<Administrator>({
          kind: "appointed",
          isNew: known === undefined,
          ...(made === undefined ? {} : { made }),
        });
      },
      { lock: [administratorsLock, id] },
    );
  };
}

const onlyPassword = (
  credentials: Credentials,
  hash: PasswordHash,
  isInitial: boolean,
): Change<Credentials, IdentityEvent> =>
  andThen(
    Credentials.setPassword(credentials, hash, "registration", isInitial),
    Credentials.onlyPassword,
  );

const firstOf = (id: UserId, email: Email, at: Instant): Change<PresentUser, IdentityEvent> =>
  User.register({
    id,
    email,
    at,
    by: "system",
    roles: [Role.admin, Role.member],
    name: expect(UserName.parse("Administrator")),
  });
