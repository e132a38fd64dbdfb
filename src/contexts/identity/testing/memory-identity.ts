import { saving, idOf } from "#kernel/repository.ts";
import type { Permission } from "#kernel/permission.ts";
import { type Versioned, Version } from "#kernel/version.ts";
import type { NewId } from "#kernel/id.ts";
import type { Changes } from "#platform/cache/coherence.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { IdentityScope, PersonalData } from "../application/ports.ts";
import type { ApiKey } from "../domain/api-key.ts";
import { Credentials } from "../domain/credentials.ts";
import type { IdentityEvent } from "../domain/events.ts";
import type { Email } from "../domain/email.ts";
import { CredentialsId, RequestId } from "../domain/ids.ts";
import type { Grants } from "#platform/process/module.ts";
import { grants } from "../grants.ts";
import { Policy, Role } from "../domain/role.ts";
import type { LiveSession, Session } from "../domain/session.ts";
import { erased, User, type PresentUser } from "../domain/user.ts";

const isPresent = (user: User): user is PresentUser => user.status !== "deleted";
const isLive = (session: Session): session is LiveSession => session.status === "live";
const newestFirst = (a: { readonly id: string }, b: { readonly id: string }) =>
  a.id < b.id ? 1 : -1;

const noPolicy = { permissions: [], version: Version.none };

/** The tables of identity in memory, and what caches must forget of them. */
export function memoryIdentityTables(granted: Grants = grants) {
  const subjects: string[] = [];
  const noting =
    <Row extends object>(subject: (row: Row) => string) =>
    (after: Row | undefined, before: Row | undefined) => {
      const row = after ?? before;
      if (row) subjects.push(subject(row));
    };
  const policies = new MemoryTable<Policy>(
    () => undefined,
    noting(() => "policies"),
  );
  const grantDefaults = (given: Grants) => {
    for (const [role, permissions] of Object.entries(given))
      policies
        .change(role, (known = { ...noPolicy, role: role as Role }) =>
          known.version === Version.none
            ? {
                ...known,
                permissions: permissions.toSorted() as readonly string[] as readonly Permission[],
              }
            : known,
        )
        .tell();
  };
  grantDefaults(granted);
  const changes: Changes = async ({ epoch: since }) => ({
    latest: { epoch: subjects.length },
    subjects: subjects.slice(Math.max(since, 0)),
  });
  return {
    users: new MemoryTable<User>(
      (user) => (isPresent(user) ? user.email : undefined),
      noting(({ id }) => id),
    ),
    credentials: new MemoryTable<Credentials>(),
    sessions: new MemoryTable<Session>(
      () => undefined,
      noting(({ id }) => id),
    ),
    apiKeys: new MemoryTable<ApiKey>(
      () => undefined,
      noting(({ id }) => id),
    ),
    policies,
    grantDefaults,
    changes,
  };
}

/** All repositories of identity in memory. */
export const memoryIdentity =
  (tables: ReturnType<typeof memoryIdentityTables>, newId: NewId) =>
  (transaction: MemoryTransaction): IdentityScope => {
    const { put, append } = transaction;
    const { users, credentials, sessions, apiKeys, policies } = tables;
    const savingTo = <Row extends Versioned>(
      table: MemoryTable<Row>,
      keyOf: (row: Row) => string,
      streamOf = keyOf,
    ) => saving<Row, IdentityEvent>(append, streamOf, (row) => put<Row>(table, keyOf(row), row));

    return {
      users: {
        byId: async (id) => users.rows.get(id),
        async byEmail(email) {
          const user = users.find(email);
          return user && isPresent(user) ? user : undefined;
        },
        holderOf: async (email, at) =>
          [...users.rows.values()].find(
            (user) =>
              isPresent(user) &&
              [user, ...User.formersAt(user, at)].some((held) => held.email === email),
          )?.id,
        page: async ({ after = "", limit }) =>
          [...users.rows.values()]
            .filter(isPresent)
            .filter(({ id }) => id > after)
            .toSorted((a, b) => -newestFirst(a, b))
            .slice(0, limit),
        toErase: async (before, limit) =>
          [...users.rows.values()]
            .filter((user) => user.status === "deleted")
            .filter(({ deletedAt, erasedAt }) => deletedAt < before && erasedAt === undefined)
            .slice(0, limit),
        isAdministeredWithout: async (id) =>
          [...users.rows.values()].some((user) => user.id !== id && User.isAdministrator(user)),
        save: savingTo<User>(users, idOf),
      },
      credentials: {
        byUser: async (userId) => credentials.rows.get(userId) ?? Credentials.none(userId),
        save: savingTo<Credentials>(credentials, ({ userId }) => userId, Credentials.streamOf),
      },
      sessions: {
        byId: async (id) => sessions.rows.get(id),
        ofUser: async (userId) =>
          [...sessions.rows.values()]
            .filter(isLive)
            .filter((session) => session.userId === userId)
            .toSorted(newestFirst),
        save: savingTo<Session>(sessions, idOf),
      },
      apiKeys: {
        byId: async (id) => apiKeys.rows.get(id),
        ofUser: async (userId) =>
          [...apiKeys.rows.values()]
            .filter((key) => key.userId === userId && key.revokedAt === undefined)
            .toSorted(newestFirst),
        save: savingTo<ApiKey>(apiKeys, idOf),
      },
      policies: {
        all: async () => [...policies.rows.values()].toSorted((a, b) => (a.role < b.role ? -1 : 1)),
        byRole: async (role) => policies.rows.get(role),
        save: savingTo<Policy>(policies, ({ role }) => role, Policy.streamOf),
      },
      personalData: memoryPersonalData(tables, transaction),
      emailRequests: { add: (event) => append(newId(RequestId), Version.none, [event]) },
    };
  };

const memoryPersonalData = (
  { users, credentials, sessions, apiKeys }: ReturnType<typeof memoryIdentityTables>,
  { change, redact, eventsOf }: MemoryTransaction,
): PersonalData => ({
  async emailsOf(userId) {
    const shown = new Set(["identity.user-email-verified", "identity.user-email-restored"]);
    return eventsOf(userId)
      .filter(({ type }) => shown.has(type))
      .map(({ payload }) => (payload as { email: Email }).email)
      .filter((email) => users.find(email) === undefined);
  },
  async erase(userId) {
    const keysIn = <Row extends { readonly userId: string }>(table: MemoryTable<Row>) =>
      [...table.rows].filter(([, row]) => row.userId === userId).map(([key]) => key);
    redact([userId, CredentialsId.of(userId), ...keysIn(apiKeys)], erased);
    for (const key of keysIn(credentials)) change(credentials, key, () => undefined);
    for (const key of keysIn(sessions)) change(sessions, key, () => undefined);
    for (const key of keysIn(apiKeys)) change(apiKeys, key, () => undefined);
  },
});
