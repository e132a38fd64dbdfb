import type { Value } from "#kernel/shape.ts";
import type { Format } from "#platform/config/formats.ts";
import type { SettingsTable } from "#platform/config/settings.ts";
import { Email } from "./domain/email.ts";
import { Password } from "./domain/password.ts";

const parsedBy =
  (value: Value<string>): Format =>
  (text) => {
    const parsed = value.parse(text);
    return parsed.ok ? undefined : parsed.error.issues[0]?.message;
  };

/** Settings of registration, of the first administrator and of sessions. */
export const settings = {
  tokenAudience: {
    env: "BASALT_TOKEN_AUDIENCE",
    type: "string",
    default: "basalt",
    doc: "Audience of access tokens",
  },
  registration: {
    env: "BASALT_REGISTRATION",
    type: "string",
    enum: ["open", "invited"],
    default: "open",
    doc: "Whether registration is open to everyone or only to invited people",
  },
  adminEmail: {
    env: "BASALT_ADMIN_EMAIL",
    type: "string",
    format: parsedBy(Email),
    default: "admin@basalt.local",
    doc: "Email address of the first administrator",
  },
  adminPassword: {
    env: "BASALT_ADMIN_PASSWORD",
    type: "string",
    format: parsedBy(Password),
    secret: true,
    doc: "Password of the first administrator; if empty, the first start prints one that works once",
  },
  sessionIdleHours: {
    env: "BASALT_SESSION_IDLE_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 8_760,
    default: 168,
    doc: "Hours without use after which a session ends",
  },
  sessionMaxHours: {
    env: "BASALT_SESSION_MAX_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 87_600,
    default: 720,
    doc: "Hours after which a session ends even if it is used",
  },
} as const satisfies SettingsTable;
