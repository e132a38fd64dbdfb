import path from "node:path";
import {
  address,
  masterKey,
  pathPrefix,
  postgresAddress,
  proxies,
  sender,
  type Format,
} from "./formats.ts";

/** One setting: its environment variable, type, bounds and default. */
export type Setting = {
  readonly env: string;
  readonly type: "string" | "integer" | "boolean" | "list";
  readonly doc: string;
  readonly default?: string | number | boolean | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** A regular expression that a text matches. */
  readonly pattern?: string;
  /** Checks a text that is not empty, with all other settings, before anything starts. */
  readonly format?: Format;
  /** Printed masked; may come from a file named by `<env>_FILE`. */
  readonly secret?: boolean;
};

const root = path.resolve(import.meta.dirname, "../../..");

/** Settings by their names in the code. */
export type SettingsTable = { readonly [name: string]: Setting };

/** The settings of the platform; contexts bring their own. */
export const platformSettings = {
  environment: {
    env: "BASALT_ENVIRONMENT",
    type: "string",
    enum: ["development", "test", "staging", "production"],
    default: "development",
    doc: "staging is as production, test as development. In production, /docs and its documents are off, /metrics needs a token, and only listed origins may call from browsers",
  },
  productName: {
    env: "BASALT_PRODUCT_NAME",
    type: "string",
    default: "Basalt",
    pattern: "^[^:\\x00-\\x1f]{1,100}$",
    doc: "Name of your product: in authenticator apps, passkeys, the start page and the API reference",
  },
  host: {
    env: "HOST",
    type: "string",
    default: "127.0.0.1",
    doc: "Address to listen on; 0.0.0.0 in a container",
  },
  port: {
    env: "PORT",
    type: "integer",
    minimum: 0,
    maximum: 65_535,
    default: 3000,
    doc: "Port to listen on; 0 chooses a free one",
  },
  dataFolder: {
    env: "BASALT_DATA_DIR",
    type: "string",
    default: path.join(root, ".basalt"),
    doc: "Folder of the embedded Postgres and other local files",
  },
  logLevel: {
    env: "BASALT_LOG_LEVEL",
    type: "string",
    enum: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    default: "info",
    doc: "Lowest level that is logged, on standard output",
  },
  logFormat: {
    env: "BASALT_LOG_FORMAT",
    type: "string",
    enum: ["auto", "json", "text"],
    default: "auto",
    doc: "json: one JSON object per line; text: readable lines; auto: text in a terminal, json otherwise",
  },
  databaseUrl: {
    env: "BASALT_DATABASE_URL",
    type: "string",
    format: postgresAddress,
    secret: true,
    doc: "Address of Postgres 15 or later, as in postgres://user:password@host:5432/basalt; if empty, Basalt runs its own",
  },
  databaseMaxConnections: {
    env: "BASALT_DATABASE_MAX_CONNECTIONS",
    type: "integer",
    minimum: 2,
    maximum: 1_000,
    default: 10,
    doc: "Maximum number of connections to Postgres per process",
  },
  databaseAcquireTimeoutMs: {
    env: "BASALT_DATABASE_ACQUIRE_TIMEOUT_MS",
    type: "integer",
    minimum: 10,
    maximum: 60_000,
    default: 2_000,
    doc: "Maximum wait for a database connection; then the request gets 503",
  },
  databaseStatementTimeoutMs: {
    env: "BASALT_DATABASE_STATEMENT_TIMEOUT_MS",
    type: "integer",
    minimum: 10,
    maximum: 600_000,
    default: 5_000,
    doc: "Maximum duration of one statement",
  },
  databaseIdleInTransactionTimeoutMs: {
    env: "BASALT_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS",
    type: "integer",
    minimum: 10,
    maximum: 600_000,
    default: 10_000,
    doc: "Maximum time that a transaction may be idle; until it ends, readers of the event log that it appended to wait",
  },
  masterKey: {
    env: "BASALT_MASTER_KEY",
    type: "string",
    format: masterKey,
    secret: true,
    doc: "Key that seals all secrets: 32 bytes in base64; older keys follow after commas; if empty, master.key in the data folder",
  },
  publicUrl: {
    env: "BASALT_PUBLIC_URL",
    type: "string",
    format: address("https", "http"),
    default: "",
    doc: "Address at which clients reach Basalt, the issuer of tokens and the origin of passkeys; if empty, http://localhost and the port",
  },
  appUrl: {
    env: "BASALT_APP_URL",
    type: "string",
    format: address("https", "http"),
    doc: "Address of the app that links in emails lead to, with /verify-email#token=… and /set-password#token=…; if empty, emails contain the token",
  },
  requestsPerMinute: {
    env: "BASALT_LIMIT_REQUESTS_PER_MINUTE",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000_000,
    default: 6_000,
    doc: "Requests per minute per actor, or per address without a sign-in; counted per process",
  },
  attemptsPerAddress: {
    env: "BASALT_LIMIT_ATTEMPTS_PER_ADDRESS",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000_000,
    default: 300,
    doc: "Attempts of one kind, such as signing in or registering, from one address in 15 minutes",
  },
  attemptsPerAccount: {
    env: "BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000_000,
    default: 10,
    doc: "Attempts on one account from all addresses in 15 minutes",
  },
  redisUrl: {
    env: "BASALT_REDIS_URL",
    type: "string",
    format: address("redis", "rediss"),
    secret: true,
    doc: "Address of a Redis for the cache and rate limits, as in redis://127.0.0.1:6379; if empty, each process uses its memory",
  },
  smtpUrl: {
    env: "BASALT_SMTP_URL",
    type: "string",
    format: address("smtp", "smtps"),
    secret: true,
    doc: "SMTP server, as in smtp://user:password@host:587; if empty, emails become files in the data folder",
  },
  smtpMaxConnections: {
    env: "BASALT_SMTP_MAX_CONNECTIONS",
    type: "integer",
    minimum: 1,
    maximum: 1_000,
    default: 40,
    doc: "Emails delivered at a time, each on a connection of its own",
  },
  emailFrom: {
    env: "BASALT_EMAIL_FROM",
    type: "string",
    format: sender,
    default: "Basalt <basalt@localhost>",
    doc: "Sender of all emails",
  },
  hstsSubdomains: {
    env: "BASALT_HSTS_SUBDOMAINS",
    type: "boolean",
    default: true,
    doc: "Whether browsers must reach all subdomains of the host over TLS, too (in production)",
  },
  corsOrigins: {
    env: "BASALT_CORS_ORIGINS",
    type: "list",
    default: [],
    doc: "Origins that browsers may call from, separated by commas, as in https://app.example.com",
  },
  bodyLimitBytes: {
    env: "BASALT_HTTP_BODY_LIMIT_BYTES",
    type: "integer",
    minimum: 1_024,
    maximum: 1_073_741_824,
    default: 1_048_576,
    doc: "Maximum size of a JSON body",
  },
  requestTimeoutMs: {
    env: "BASALT_HTTP_REQUEST_TIMEOUT_MS",
    type: "integer",
    minimum: 100,
    maximum: 600_000,
    default: 10_000,
    doc: "Maximum duration of a request; after it the answer is 503",
  },
  maxRequestsInFlight: {
    env: "BASALT_HTTP_MAX_IN_FLIGHT",
    type: "integer",
    minimum: 1,
    maximum: 100_000,
    default: 512,
    doc: "Maximum number of requests in flight; further ones are refused with 503 and Retry-After",
  },
  shutdownDelayMs: {
    env: "BASALT_SHUTDOWN_DELAY_MS",
    type: "integer",
    minimum: 0,
    maximum: 60_000,
    default: 250,
    doc: "Time that Basalt goes on taking requests when it is told to stop, while readiness fails and connections are closed after their answers; give a load balancer as long as it takes to notice",
  },
  shutdownTimeoutMs: {
    env: "BASALT_SHUTDOWN_TIMEOUT_MS",
    type: "integer",
    minimum: 0,
    maximum: 600_000,
    default: 15_000,
    doc: "Time that running requests have to end when Basalt stops",
  },
  trustProxy: {
    env: "BASALT_TRUST_PROXY",
    type: "string",
    format: proxies,
    default: "",
    doc: "Trusted proxies, whose X-Forwarded-For is believed: their number, or their networks, as in 10.0.0.0/8; none if empty",
  },
  connectionsPerAddress: {
    env: "BASALT_CONNECTIONS_PER_ADDRESS",
    type: "integer",
    minimum: 0,
    maximum: 1_000_000,
    default: 1_000,
    doc: "Connections of one address at most, where no proxy is trusted; 0 is no limit",
  },
  apiPrefix: {
    env: "BASALT_API_PREFIX",
    type: "string",
    format: pathPrefix,
    default: "/api/v1",
    doc: "Path prefix of all resources",
  },
  docs: {
    env: "BASALT_DOCS",
    type: "boolean",
    doc: "Whether /docs, /openapi.json and /asyncapi.json are served; by default only in development",
  },
  metricsToken: {
    env: "BASALT_METRICS_TOKEN",
    type: "string",
    pattern: "^[\\w.~+/=-]{16,200}$",
    secret: true,
    doc: "Bearer token that /metrics asks for, 16 characters or more; without one, /metrics is open in development and closed in production",
  },
  consumers: {
    env: "BASALT_CONSUMERS",
    type: "boolean",
    default: true,
    doc: "Whether this process also runs event consumers; false for one that only serves HTTP",
  },
  eventMaxAttempts: {
    env: "BASALT_EVENT_MAX_ATTEMPTS",
    type: "integer",
    minimum: 1,
    maximum: 100,
    default: 16,
    doc: "Attempts after which a failing event becomes a dead letter; 16 take about eight minutes",
  },
  eventRetentionDays: {
    env: "BASALT_EVENT_RETENTION_DAYS",
    type: "integer",
    minimum: 0,
    maximum: 36_500,
    default: 0,
    doc: "Days after which events are deleted, if all consumers have read them and no state is rebuilt from them; 0 keeps them",
  },
  idempotencyRetentionHours: {
    env: "BASALT_IDEMPOTENCY_RETENTION_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 8_760,
    default: 24,
    doc: "Time for which the first answer to an idempotency key is kept",
  },
  otlpEndpoint: {
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    type: "string",
    format: address("http", "https"),
    doc: "OpenTelemetry collector for traces and logs, as in http://127.0.0.1:4318; if empty, none are sent",
  },
} as const satisfies SettingsTable;

type ValueOf<S extends Setting> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S["type"] extends "integer"
    ? number
    : S["type"] extends "boolean"
      ? boolean
      : S["type"] extends "list"
        ? readonly string[]
        : string;

/** The values of a table of settings. A setting without a default may be undefined. */
export type SettingsOf<Table extends SettingsTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Required<Pick<Setting, "default">>
    ? ValueOf<Table[Name]>
    : ValueOf<Table[Name]> | undefined;
};

/** The settings of the platform in one process. */
export type Settings = SettingsOf<typeof platformSettings>;

/** Whether what is open to developers is closed. */
export const isProduction = ({ environment }: Pick<Settings, "environment">): boolean =>
  environment === "production" || environment === "staging";
