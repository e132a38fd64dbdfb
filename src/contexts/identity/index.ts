/**
 * Identity: who the people are.
 *
 * - **user**: a person with an email address that no other active user has
 * - **registered, renamed, email changed, deleted**: what happens to users, as published events
 */
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { instrumented } from "#platform/telemetry/handlers.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { deleteUser } from "./application/delete-user.ts";
import { getUser } from "./application/get-user.ts";
import { listUsers } from "./application/list-users.ts";
import type { IdentityScope } from "./application/ports.ts";
import { registerUser } from "./application/register-user.ts";
import { updateUser } from "./application/update-user.ts";

export { identityEvents, type IdentityEvent } from "./domain/events.ts";
export { UserId } from "./domain/user-id.ts";
export type { IdentityScope } from "./application/ports.ts";

export type IdentityDeps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly metrics: Metrics;
};

/** All that identity can be asked to do. */
export const createIdentity = (deps: IdentityDeps) =>
  instrumented(
    "identity",
    {
      registerUser: registerUser(deps),
      updateUser: updateUser(deps),
      deleteUser: deleteUser(deps),
      getUser: getUser(deps),
      listUsers: listUsers(deps),
    },
    deps.metrics,
  );

export type Identity = ReturnType<typeof createIdentity>;
