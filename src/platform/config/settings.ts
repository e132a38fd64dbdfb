import path from "node:path";

/** One setting: how it is called outside, what it may be, what it is unless said. */
export type Setting = {
  readonly env: string;
  readonly type: "string" | "integer" | "boolean" | "list";
  readonly doc: string;
  readonly default?: string | number | boolean | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
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
    enum: ["development", "production"],
    default: "development",
    doc: "production closes /docs, and CORS to all but the origins listed",
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
    doc: "Port to listen on; 0 takes a free one",
  },
  dataFolder: {
    env: "BASALT_DATA_DIR",
    type: "string",
    default: path.join(root, ".basalt"),
    doc: "Where the embedded Postgres and other local files live",
  },
  logLevel: {
    env: "BASALT_LOG_LEVEL",
    type: "string",
    enum: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    default: "info",
    doc: "Least level that is logged; one JSON line each, on standard output",
  },
  databaseUrl: {
    env: "BASALT_DATABASE_URL",
    type: "string",
    secret: true,
    doc: "Postgres 15 or later, as in postgres://user:password@host:5432/basalt; embedded if empty",
  },
  databaseMaxConnections: {
    env: "BASALT_DATABASE_MAX_CONNECTIONS",
    type: "integer",
    minimum: 2,
    maximum: 1_000,
    default: 10,
    doc: "Connections to Postgres at most, per process",
  },
  databaseAcquireTimeoutMs: {
    env: "BASALT_DATABASE_ACQUIRE_TIMEOUT_MS",
    type: "integer",
    minimum: 10,
    maximum: 60_000,
    default: 2_000,
    doc: "How long to wait for a database connection before the answer is 503",
  },
  databaseStatementTimeoutMs: {
    env: "BASALT_DATABASE_STATEMENT_TIMEOUT_MS",
    type: "integer",
    minimum: 10,
    maximum: 600_000,
    default: 5_000,
    doc: "How long one statement may take",
  },
  databaseIdleInTransactionTimeoutMs: {
    env: "BASALT_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS",
    type: "integer",
    minimum: 10,
    maximum: 600_000,
    default: 10_000,
    doc: "How long a transaction may idle; one that has appended events holds back the readers of its log",
  },
  masterKey: {
    env: "BASALT_MASTER_KEY",
    type: "string",
    secret: true,
    doc: "Seals all secrets: 32 bytes in base64; older keys after a comma; master.key in the data folder if empty",
  },
  publicUrl: {
    env: "BASALT_PUBLIC_URL",
    type: "string",
    default: "http://localhost:3000",
    doc: "Where clients reach Basalt: issuer of tokens, and what passkeys belong to",
  },
  appUrl: {
    env: "BASALT_APP_URL",
    type: "string",
    doc: "Where emails point to, with /verify-email#token=… and /set-password#token=…; else they hold the token",
  },
  requestsPerMinute: {
    env: "BASALT_LIMIT_REQUESTS_PER_MINUTE",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000_000,
    default: 6_000,
    doc: "Requests of one actor, or of one address that nobody signed in from, per process",
  },
  attemptsPerAddress: {
    env: "BASALT_LIMIT_ATTEMPTS_PER_ADDRESS",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000_000,
    default: 300,
    doc: "Attempts to sign in, register and the like, each, from one address in 15 minutes",
  },
  attemptsPerAccount: {
    env: "BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000_000,
    default: 10,
    doc: "Attempts on one account in 15 minutes, from wherever",
  },
  redisUrl: {
    env: "BASALT_REDIS_URL",
    type: "string",
    secret: true,
    doc: "Redis for the cache and the rate limits, as in redis://127.0.0.1:6379; memory of the process if empty",
  },
  smtpUrl: {
    env: "BASALT_SMTP_URL",
    type: "string",
    secret: true,
    doc: "Where email goes, as in smtp://user:password@host:587; files in the data folder if empty",
  },
  smtpMaxConnections: {
    env: "BASALT_SMTP_MAX_CONNECTIONS",
    type: "integer",
    minimum: 1,
    maximum: 1_000,
    default: 40,
    doc: "Emails that are handed over at a time, each on a connection of its own",
  },
  emailFrom: {
    env: "BASALT_EMAIL_FROM",
    type: "string",
    default: "Basalt <basalt@localhost>",
    doc: "Sender of all email",
  },
  corsOrigins: {
    env: "BASALT_CORS_ORIGINS",
    type: "list",
    default: [],
    doc: "Origins that browsers may call from, comma separated, as in https://app.example.com",
  },
  bodyLimitBytes: {
    env: "BASALT_HTTP_BODY_LIMIT_BYTES",
    type: "integer",
    minimum: 1_024,
    maximum: 1_073_741_824,
    default: 1_048_576,
    doc: "Largest JSON body",
  },
  requestTimeoutMs: {
    env: "BASALT_HTTP_REQUEST_TIMEOUT_MS",
    type: "integer",
    minimum: 100,
    maximum: 600_000,
    default: 10_000,
    doc: "Deadline of a request: after it the answer is 503",
  },
  maxRequestsInFlight: {
    env: "BASALT_HTTP_MAX_IN_FLIGHT",
    type: "integer",
    minimum: 1,
    maximum: 100_000,
    default: 512,
    doc: "Requests worked on at once; more are shed with 503 and Retry-After",
  },
  shutdownTimeoutMs: {
    env: "BASALT_SHUTDOWN_TIMEOUT_MS",
    type: "integer",
    minimum: 0,
    maximum: 600_000,
    default: 15_000,
    doc: "How long running requests may take to end when Basalt is stopped",
  },
  trustProxy: {
    env: "BASALT_TRUST_PROXY",
    type: "string",
    default: "",
    doc: "Whose X-Forwarded-For counts: how many proxies of yours there are, or their networks, as in 10.0.0.0/8; nobody's if empty",
  },
  apiPrefix: {
    env: "BASALT_API_PREFIX",
    type: "string",
    default: "/api/v1",
    doc: "Path before all resources",
  },
  docs: {
    env: "BASALT_DOCS",
    type: "boolean",
    doc: "API reference at /docs; on in development, off in production unless said",
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
    doc: "Attempts after which a failed event becomes a dead letter; 16 take about eight minutes",
  },
  eventRetentionDays: {
    env: "BASALT_EVENT_RETENTION_DAYS",
    type: "integer",
    minimum: 0,
    maximum: 36_500,
    default: 0,
    doc: "Days after which events that all subscriptions have read are deleted, where no state is made of them; 0 keeps them",
  },
  idempotencyRetentionHours: {
    env: "BASALT_IDEMPOTENCY_RETENTION_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 8_760,
    default: 24,
    doc: "How long the first answer to an idempotency key is kept",
  },
  otlpEndpoint: {
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    type: "string",
    doc: "Collector for OpenTelemetry traces, as in http://127.0.0.1:4318; no traces if empty",
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

/** What a table says, typed and checked. A setting without a default may be undefined. */
export type SettingsOf<Table extends SettingsTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Required<Pick<Setting, "default">>
    ? ValueOf<Table[Name]>
    : ValueOf<Table[Name]> | undefined;
};

/** The settings of the platform in one process. */
export type Settings = SettingsOf<typeof platformSettings>;
