import type { NewId } from "#kernel/id.ts";
import { Version } from "#kernel/version.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { IdentityScope } from "../application/ports.ts";
import { RequestId } from "../domain/ids.ts";
import { postgresApiKeys } from "./postgres-api-keys.ts";
import { postgresCredentials } from "./postgres-credentials.ts";
import { postgresPersonalData } from "./postgres-personal-data.ts";
import { postgresPolicies } from "./postgres-policies.ts";
import { postgresSessions } from "./postgres-sessions.ts";
import { postgresUsers } from "./postgres-users.ts";

/** All repositories of identity on one transaction. */
export const postgresIdentity =
  (newId: NewId) =>
  (transaction: Transaction): IdentityScope => ({
    users: postgresUsers(transaction),
    credentials: postgresCredentials(transaction),
    sessions: postgresSessions(transaction),
    apiKeys: postgresApiKeys(transaction),
    policies: postgresPolicies(transaction),
    personalData: postgresPersonalData(transaction),
    emailRequests: {
      add: (event) => transaction.append(newId(RequestId), Version.none, [event]),
    },
  });
