import type { UnitsOfWork } from "#kernel/unit-of-work.ts";
import type { Audit } from "#kernel/audit.ts";
import { postgresAudit } from "../audit/postgres-audit.ts";
import { postgresSubscription, registerSubscriptions } from "../events/postgres-subscription.ts";
import type { Recorder } from "../events/record.ts";
import type { Beginning, SubscriptionStore } from "../events/subscription-store.ts";
import type { Database } from "../postgres/database.ts";
import { postgresUnitOfWork, type Transaction } from "../postgres/unit-of-work.ts";
import type { Leases } from "../scheduler/leases.ts";
import { postgresLeases } from "../scheduler/postgres-leases.ts";

/** The two things that adapters are made on: a database, and the transaction of its repositories. */
export type Profile = { readonly database: unknown; readonly transaction: unknown };
export type OnPostgres = { readonly database: Database; readonly transaction: Transaction };

/** The ports of a context on a transaction, and the log that they announce events in. */
type Working<On extends Profile, Scope> = {
  /** The schema of the context, which has its log. */
  readonly schema: string;
  readonly scope: (transaction: On["transaction"]) => Scope;
  /** Called after a commit with the types of its events, to wake readers. */
  readonly onAppended: (types: ReadonlySet<string>) => void;
};

/** A reader of the log of `schema`, whose effects announce events in the log of `into`. */
export type Reading<On extends Profile, Scope> = Working<On, Scope> & {
  readonly into?: string;
  readonly name: string;
};

/** Port: what keeps the rows, events and progress of all contexts of a process. */
export type Persistence<On extends Profile = OnPostgres> = {
  readonly database: On["database"];
  readonly audit: Audit;
  readonly leases: Leases;
  readonly units: <Scope>(working: Working<On, Scope>) => UnitsOfWork<Scope>;
  /** Makes the state of subscriptions that are new. */
  readonly register: (schema: string, beginnings: readonly Beginning[]) => Promise<void>;
  readonly subscription: <Scope>(reading: Reading<On, Scope>) => SubscriptionStore<Scope>;
};

export const postgresPersistence = (database: Database, recorder: Recorder): Persistence => ({
  database,
  audit: postgresAudit(database),
  leases: postgresLeases(database),
  units: (working) => postgresUnitOfWork({ ...working, ...recorder, database }),
  register: (schema, beginnings) => registerSubscriptions(database, schema, beginnings),
  subscription: (reading) => postgresSubscription({ ...reading, ...recorder, database }),
});
