import type { Command } from "commander";
import type { ClientConfig } from "pg";
import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import type { Permission } from "#kernel/permission.ts";
import type { Event, Registry } from "#kernel/event.ts";
import type { Settings, SettingsOf, SettingsTable } from "../config/settings.ts";
import type { Chore } from "../events/housekeeping.ts";
import type { AnyReadModel } from "../events/rebuild.ts";
import type { Authenticate } from "../http/gate.ts";
import type { Door } from "../http/door.ts";
import type { Route } from "../http/route.ts";
import type { Database } from "../postgres/database.ts";
import type { Runtime } from "../runtime.ts";
import type { Parts } from "./parts.ts";
import type { OnPostgres, Profile } from "./persistence.ts";

/** The settings of the platform and of one module; where it may be any, those of the platform. */
export type ModuleSettings<Table extends SettingsTable> = string extends keyof Table
  ? Settings
  : Settings & SettingsOf<Table>;

/** One thing that the doctor has looked at. */
export type Finding = { readonly ok: boolean; readonly what: string; readonly says: string };

/** How requests are matched to the actors that send them. One module of a composition provides it. */
export type Access = {
  readonly authenticate: Authenticate;
  /** The public keys of access tokens, as a JSON Web Key Set. */
  readonly jwks: () => Promise<{ readonly keys: readonly { readonly alg?: string }[] }>;
};

/** Permissions of roles, as in `products:read`. The role `owner` applies to each user's own resources. */
export type Grants = Readonly<Record<string, readonly string[]>>;

/** A composed module. `Provided` is its interface for other modules. */
export type Composed<Provided> = {
  readonly routes: readonly Route[];
  readonly doors?: readonly Door[];
  readonly provides: Provided;
  readonly access?: Access;
  /** Done before the first request is answered; its answer, if any, is printed and written nowhere. */
  readonly prepare?: () => Promise<string | undefined>;
};

/** A method, so that a module with settings of its own is a module. */
type DatabaseWork<Table extends SettingsTable> = {
  work(
    database: Database,
    settings: ModuleSettings<Table>,
    connection: ClientConfig,
  ): Promise<void>;
};

/** The database of the settings, while a command works with it. */
export type WithDatabase<Table extends SettingsTable = SettingsTable> = (
  work: DatabaseWork<Table>["work"],
  more?: Partial<Settings> & {
    /** Whether a new database is made where there is none. */
    readonly makes?: boolean;
  },
) => Promise<void>;

/** Demo data of a module, as `seed --products 100` makes it. */
export type DemoData = {
  /** The option, which is the plural of what is made. */
  readonly what: string;
  readonly doc: string;
  /** How many are made at once. */
  readonly batch: number;
  /** Makes those from number `from` on, at most a batch, that do not exist yet; answers how many. A seed gives the same data each time. */
  readonly maker: (
    database: Database,
    runtime: Pick<Runtime, "clock" | "newId">,
  ) => (
    batch: { readonly from: number; readonly until: number; readonly seed: number },
    context: Context,
  ) => Promise<Result<{ readonly made: number }, Conflict>>;
};

/**
 * How a context is wired on Postgres or on another profile. `Needs` are the `provides` of other
 * modules, by their names.
 */
export type Wiring<
  On extends Profile,
  Table extends SettingsTable = SettingsTable,
  Provided = unknown,
  Needs = unknown,
> = {
  /** Names its schema as well. */
  readonly name: string;
  /** The events that it publishes. */
  readonly events: Registry<Event>;
  /** Whether its state is made of its events, which are never deleted then. */
  readonly isEventStore: boolean;
  readonly settings: Table;
  /** Names of the modules that must come before it. */
  readonly needs: readonly string[];
  /** The permissions that its use cases ask for. */
  readonly permissions: Readonly<Record<string, Permission>>;
  /** The default permissions of roles in it. */
  readonly grants: Grants;
  compose(
    parts: Parts<ModuleSettings<Table>, On>,
    needs: Needs,
    undo: AsyncDisposableStack,
  ): Promise<Composed<Provided>>;
};

/** A context as the composition root plugs it in: its wiring on Postgres, and what it brings along. */
export type Module<
  Table extends SettingsTable = SettingsTable,
  Provided = unknown,
  Needs = unknown,
> = Wiring<OnPostgres, Table, Provided, Needs> & {
  /** The folder of its migrations. */
  readonly migrations: string;
  readonly readModels: readonly AnyReadModel[];
  /** Folders below the data folder whose files grow and are never changed. Backups take them along. */
  blobFolders(settings: ModuleSettings<Table>): readonly string[];
  /** What keeps the tables of the module in order: deletes old rows, closes chains. Every minute. */
  chores(database: Database, settings: ModuleSettings<Table>): readonly Chore[];
  /** Looks at the upstreams of the module for the doctor, and at its database if there is one. */
  examine(
    settings: ModuleSettings<Table>,
    database: Database | undefined,
  ): Promise<readonly Finding[]>;
  /** What `seed` can make. */
  readonly demoData: readonly DemoData[];
  /** Adds its commands to the console. */
  addCommands(basalt: Command, withDatabase: WithDatabase<Table>): void;
};
