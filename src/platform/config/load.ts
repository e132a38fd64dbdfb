import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { Ajv } from "ajv";
import type { Setting, SettingsOf, SettingsTable } from "./settings.ts";

export type Environment = { readonly [name: string]: string | undefined };

/** Every setting that is wrong, at once. */
export class ConfigurationInvalid extends Error {
  override readonly name = "ConfigurationInvalid";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((line) => `  ${line}`).join("\n")}`);
    this.problems = problems;
  }
}

/** The exit code of a refused configuration. Source: sysexits.h, EX_CONFIG. */
export const exitCodeConfiguration = 78;

const schemaOf = (setting: Setting) => ({
  type: setting.type === "list" ? "array" : setting.type,
  ...(setting.type === "list" ? { items: { type: "string", format: "origin" } } : {}),
  ...(setting.default === undefined ? {} : { default: setting.default }),
  ...(setting.enum === undefined ? {} : { enum: setting.enum }),
  ...(setting.pattern === undefined ? {} : { pattern: setting.pattern }),
  ...(setting.minimum === undefined ? {} : { minimum: setting.minimum }),
  ...(setting.maximum === undefined ? {} : { maximum: setting.maximum }),
});

const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true });
ajv.addFormat("origin", (text: string) => URL.canParse(text) && new URL(text).origin === text);

const validatorOf = (table: SettingsTable) =>
  ajv.compile({
    type: "object",
    properties: Object.fromEntries(
      Object.entries(table).map(([name, setting]) => [name, schemaOf(setting)]),
    ),
  });

/** The environment, on top of the `.env` file where there is one. */
export function environmentWith(envFile: string, environment: Environment): Environment {
  try {
    return { ...parseEnv(readFileSync(envFile, "utf8")), ...environment };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return environment;
    throw error;
  }
}

/** Reads and checks all settings. Throws `ConfigurationInvalid` with everything that is wrong. */
export function loadSettings<Table extends SettingsTable>(
  environment: Environment,
  table: Table,
): SettingsOf<Table> {
  const problems = unknownNames(environment, table);
  const raw: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(table)) {
    const text = textOf(setting, environment, problems);
    if (text !== undefined && text.trim() !== "") raw[name] = untyped(setting, text.trim());
  }
  const validate = validatorOf(table);
  if (!validate(raw))
    for (const { instancePath, message } of validate.errors ?? [])
      problems.push(problemOf(table, instancePath, message ?? "is not valid"));
  for (const [name, { env, format }] of Object.entries(table)) {
    const value = raw[name];
    const says = typeof value === "string" && value !== "" ? format?.(value) : undefined;
    if (says !== undefined) problems.push(`${env} ${says}`);
  }
  if (problems.length > 0) throw new ConfigurationInvalid(problems);
  return raw as SettingsOf<Table>;
}

const untyped = (setting: Setting, text: string): unknown =>
  setting.type === "list" ? text.split(",").map((item) => item.trim()) : text;

function textOf(setting: Setting, environment: Environment, problems: string[]) {
  const file = environment[`${setting.env}_FILE`];
  if (!setting.secret || file === undefined || file === "") return environment[setting.env];
  if (environment[setting.env]) {
    problems.push(`${setting.env} and ${setting.env}_FILE are both set: keep one`);
    return undefined;
  }
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    problems.push(`${setting.env}_FILE: ${error instanceof Error ? error.message : file}`);
    return undefined;
  }
}

/** What the environment of a shell has for commands that talk to a server. */
const ofClients = new Set(["BASALT_API_KEY"]);

/** A misspelt name would silently leave its setting at the default. */
function unknownNames(environment: Environment, table: SettingsTable): string[] {
  const known = new Set(
    Object.values(table).flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env])),
  );
  return Object.keys(environment)
    .filter((name) => name.startsWith("BASALT_") && !name.startsWith("BASALT_TEST_"))
    .filter((name) => !known.has(name) && !ofClients.has(name))
    .map((name) => `${name} is not a setting of Basalt`);
}

function problemOf(table: SettingsTable, instancePath: string, message: string): string {
  const [, name = "", item] = instancePath.split("/");
  const setting = table[name];
  const allowed = setting?.enum ? `: ${setting.enum.join(", ")}` : "";
  const expected = message.replace(
    'match format "origin"',
    "be an origin, as in https://a.example",
  );
  return `${setting?.env ?? name}${item === undefined ? "" : ` (item ${Number(item) + 1})`} ${expected}${allowed}`;
}

type Primitive = string | number | boolean | undefined;

/** Every setting with its value, secrets masked, for `basalt config`. */
export function describeSettings(
  table: SettingsTable,
  values: Readonly<Record<string, unknown>>,
): readonly { readonly env: string; readonly value: Primitive; readonly doc: string }[] {
  return Object.entries(table).map(([name, { env, doc, secret }]) => {
    const value = values[name];
    const shown = Array.isArray(value) ? value.join(",") : value;
    return { env, value: secret && value !== undefined ? "********" : (shown as Primitive), doc };
  });
}

/** The text of `.env.example`. */
export function envExample(table: SettingsTable): string {
  const entries = Object.entries(table).map(([name, setting]) => {
    const value = name === "dataFolder" ? ".basalt" : String(setting.default ?? "");
    const allowed = setting.enum ? ` (${setting.enum.join(", ")})` : "";
    const file = setting.secret ? `\n# or ${setting.env}_FILE: a file that holds it` : "";
    return `# ${setting.doc}${allowed}${file}\n# ${setting.env}=${value}\n`;
  });
  return `# Copy to .env and uncomment what you change. Made from the settings of the platform and of the contexts.\n\n${entries.join("\n")}`;
}
