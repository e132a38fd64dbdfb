import { readFileSync } from "node:fs";
import path from "node:path";
import type { ClientConfig } from "pg";
import { isKnown, type Permission } from "#kernel/permission.ts";
import { platformSettings, type Settings, type SettingsTable } from "../config/settings.ts";
import { environmentWith, loadSettings, type Environment } from "../config/load.ts";
import { asyncApi } from "../events/asyncapi.ts";
import { contextOf } from "../events/consumer.ts";
import {
  countPending,
  migrate,
  type Applied,
  type MigrationSource,
} from "../postgres/migrations.ts";
import type { Grants, Module } from "./module.ts";

const platform = path.resolve(import.meta.dirname, "..");
const root = path.resolve(platform, "../..");

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly version: string;
};

/** The modules of a Basalt, and everything that is derived from their list. */
export type Composition = {
  readonly version: string;
  readonly modules: readonly Module[];
  /** Schemas that have an event log, one for each module. */
  readonly logs: readonly string[];
  readonly readModels: Module["readModels"];
  /** Folders below the data folder that backups take along. */
  readonly blobFolders: (settings: Settings) => readonly string[];
  /** Every schema that the application may read and write. */
  readonly schemas: readonly string[];
  /** All migrations, in the order in which they are applied. */
  readonly sources: readonly MigrationSource[];
  /** All settings: those of the platform, then those of the modules. */
  readonly settings: SettingsTable;
  readonly load: (environment: Environment) => Settings;
  /** The settings of the environment, and of the `.env` file if there is one. */
  readonly settingsNow: () => Settings;
  readonly migrate: (connection: ClientConfig) => Promise<readonly Applied[]>;
  /** How many migrations a database lacks. */
  readonly countPending: (connection: ClientConfig) => Promise<number>;
  /** The permissions that the use cases of all modules ask for. */
  readonly permissions: readonly Permission[];
  /** The default permissions of roles in all modules. */
  readonly grants: Grants;
  /** The AsyncAPI document of all events. */
  readonly asyncApi: (title: string) => object;
};

/** Names become schemas; these are taken by the platform and by Postgres. */
const taken: ReadonlySet<string> = new Set(["audit", "basalt", "public"]);
/** Whether a module, and so its schema, may have this name. */
export const isModuleName = (name: string): boolean =>
  /^[a-z][a-z0-9_]{0,39}$/.test(name) && !name.startsWith("pg_") && !taken.has(name);

/** Throws where modules do not fit together. */
function refuseMisfits(modules: readonly Module[]): void {
  const names: string[] = [];
  const settings = new Set(Object.keys(platformSettings));
  for (const { name, needs, settings: own, events } of modules) {
    if (!isModuleName(name)) throw new Error(`a module cannot be named "${name}"`);
    if (names.includes(name)) throw new Error(`two modules are named ${name}`);
    for (const { type } of events.declarations)
      if (contextOf(type) !== name)
        throw new Error(`the event ${type} of ${name} must be named as in ${name}.something`);
    for (const needed of needs)
      if (!names.includes(needed))
        throw new Error(`the module ${name} needs ${needed}, which does not come before it`);
    for (const setting of Object.keys(own)) {
      if (settings.has(setting))
        throw new Error(`the setting ${setting} of ${name} exists already`);
      settings.add(setting);
    }
    names.push(name);
  }
}

/** Throws where a role is granted what nothing asks for. */
function refuseUnknownGrants(modules: readonly Module[], asked: readonly Permission[]): void {
  for (const { name, grants } of modules)
    for (const granted of Object.values(grants).flat())
      if (!isKnown(granted as Permission, asked))
        throw new Error(`${name} grants ${granted}, which no use case asks for`);
}

/** Throws where a name or a setting is taken, or a module needs one that does not come before it. */
export function compositionOf(modules: readonly Module[]): Composition {
  refuseMisfits(modules);
  const permissions = modules.flatMap((module) => Object.values(module.permissions));
  refuseUnknownGrants(modules, permissions);
  const names = modules.map(({ name }) => name);
  const readModels = modules.flatMap((module) => module.readModels);
  const settings: SettingsTable = Object.assign(
    {},
    platformSettings,
    ...modules.map((module) => module.settings),
  );
  const load = (environment: Environment) => {
    const loaded = loadSettings(environment, settings) as Settings;
    const publicUrl = loaded.publicUrl || `http://localhost:${loaded.port}`;
    return { ...loaded, publicUrl };
  };
  const sources = sourcesOf(modules);
  const registries = Object.fromEntries(modules.map(({ name, events }) => [name, events]));
  return {
    version,
    modules,
    logs: names,
    readModels,
    blobFolders: (now) => modules.flatMap((module) => module.blobFolders(now)),
    settings,
    load,
    permissions,
    grants: merged(modules.map(({ grants }) => grants)),
    schemas: [...names, ...readModels.map(({ schema }) => schema)],
    settingsNow: () => load(environmentWith(path.join(root, ".env"), process.env)),
    sources,
    migrate: (connection) => migrate(connection, sources),
    countPending: (connection) => countPending(connection, sources),
    asyncApi: (title) => asyncApi(title, version, registries),
  };
}

function merged(all: readonly Grants[]): Grants {
  const byRole: Record<string, readonly string[]> = {};
  for (const [role, permissions] of all.flatMap(Object.entries<readonly string[]>))
    byRole[role] = [...(byRole[role] ?? []), ...permissions].toSorted();
  return byRole;
}

/** The platform first, then each module with its event log, then the read models. */
const sourcesOf = (modules: readonly Module[]): readonly MigrationSource[] => [
  { schema: "basalt", source: "scheduler", folder: path.join(platform, "scheduler/migrations") },
  { schema: "audit", source: "audit", folder: path.join(platform, "audit/migrations") },
  ...modules.flatMap(({ name: schema, migrations: folder }) => [
    { schema, source: "platform", folder: path.join(platform, "events/migrations") },
    { schema, source: schema, folder },
  ]),
  ...modules.flatMap(({ readModels }) =>
    readModels.map(({ schema, folder }) => ({ schema, source: schema, folder })),
  ),
];
