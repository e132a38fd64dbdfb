import { readFileSync } from "node:fs";
import type { Value } from "#kernel/shape.ts";
import type { Format } from "#platform/config/formats.ts";
import type { SettingsTable } from "#platform/config/settings.ts";
import { emailTexts, textsWith, type EmailTexts } from "./application/credentials/email-texts.ts";
import { Email } from "./domain/email.ts";
import { Password } from "./domain/password.ts";

const parsedBy =
  (value: Value<string>): Format =>
  (text) => {
    const parsed = value.parse(text);
    return parsed.ok ? undefined : parsed.error.issues[0]?.message;
  };

const textsIn = (file: string) => textsWith(JSON.parse(readFileSync(file, "utf8")));

/** Checks a file with texts of emails. */
const readableTexts: Format = (file) => {
  try {
    const texts = textsIn(file);
    return typeof texts === "string" ? texts : undefined;
  } catch (error) {
    return `must name a JSON file: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** The texts of emails, with those of a file in the place of some. */
export function emailTextsOf(file: string | undefined): EmailTexts {
  const texts = file === undefined ? emailTexts : textsIn(file);
  if (typeof texts === "string") throw new TypeError(`BASALT_EMAIL_TEXTS ${texts}`);
  return texts;
}

/** Settings of registration, of the first administrator and of sessions. */
export const settings = {
  tokenAudience: {
    env: "BASALT_TOKEN_AUDIENCE",
    type: "string",
    default: "basalt",
    doc: "Audience of access tokens",
  },
  tokenAlgorithm: {
    env: "BASALT_TOKEN_ALGORITHM",
    type: "string",
    enum: ["EdDSA", "ES256"],
    default: "EdDSA",
    doc: "Signature algorithm of access tokens; ES256 is for verifiers that do not know EdDSA",
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
  invitationDays: {
    env: "BASALT_INVITATION_DAYS",
    type: "integer",
    minimum: 1,
    maximum: 365,
    default: 7,
    doc: "Days in which an invitation can be accepted",
  },
  emailTexts: {
    env: "BASALT_EMAIL_TEXTS",
    type: "string",
    format: readableTexts,
    doc: "JSON file with subjects and texts of emails that replace the built-in ones, for example in another language",
  },
  eraseAfterDays: {
    env: "BASALT_ERASE_AFTER_DAYS",
    type: "integer",
    minimum: 1,
    maximum: 3_650,
    default: 7,
    doc: "Days after which what is known of a deleted user is erased",
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
