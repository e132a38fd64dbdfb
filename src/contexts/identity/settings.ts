import type { SettingsTable } from "#platform/config/settings.ts";

/** Who may register, who administers first, and how long sessions last. */
export const settings = {
  tokenAudience: {
    env: "BASALT_TOKEN_AUDIENCE",
    type: "string",
    default: "basalt",
    doc: "For whom access tokens are",
  },
  registration: {
    env: "BASALT_REGISTRATION",
    type: "string",
    enum: ["open", "invited"],
    default: "open",
    doc: "Whether anybody may register, or only who is invited",
  },
  adminEmail: {
    env: "BASALT_ADMIN_EMAIL",
    type: "string",
    default: "admin@basalt.local",
    doc: "Who administers, if nobody does yet",
  },
  adminPassword: {
    env: "BASALT_ADMIN_PASSWORD",
    type: "string",
    secret: true,
    doc: "Password of the first administrator; if empty, one that works once is printed",
  },
  sessionIdleHours: {
    env: "BASALT_SESSION_IDLE_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 8_760,
    default: 168,
    doc: "After how long without use a session is over",
  },
  sessionMaxHours: {
    env: "BASALT_SESSION_MAX_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 87_600,
    default: 720,
    doc: "After how long a session is over however much it is used",
  },
} as const satisfies SettingsTable;
