import { eventAdmin } from "#platform/events/admin.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { testDatabase } from "../../../../test/support/database.ts";
import { usersContract } from "../application/users.contract.ts";
import { postgresUsers } from "./postgres-users.ts";

usersContract("Postgres", async () => {
  const opened = await testDatabase();
  const { database } = opened;
  const admin = eventAdmin(database, "identity");
  return {
    ...postgresUnitOfWork({
      ...{ database, schema: "identity", clock, newId },
      scope: (transaction) => ({ users: postgresUsers(transaction) }),
      onAppended: () => {},
    }),
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
});
