import { address } from "#platform/config/formats.ts";
import type { SettingsTable } from "#platform/config/settings.ts";

/** How accounts at providers are fetched. */
export const settings = {
  syncEveryHours: {
    env: "BASALT_SYNC_EVERY_HOURS",
    type: "integer",
    minimum: 1,
    maximum: 168,
    default: 6,
    doc: "Hours between two syncs of a connection to a provider, unless its owner asks for one",
  },
  alpacaUrl: {
    env: "BASALT_ALPACA_URL",
    type: "string",
    format: address("http", "https"),
    default: "https://api.alpaca.markets",
    doc: "URL of Alpaca's Trading API, as in https://paper-api.alpaca.markets for paper accounts",
  },
  schwabUrl: {
    env: "BASALT_SCHWAB_URL",
    type: "string",
    format: address("http", "https"),
    default: "https://api.schwabapi.com",
    doc: "URL of Schwab's API",
  },
  schwabAppKey: {
    env: "BASALT_SCHWAB_APP_KEY",
    type: "string",
    doc: "App key of this installation at developer.schwab.com; if empty, Schwab cannot be connected",
  },
  schwabAppSecret: {
    env: "BASALT_SCHWAB_APP_SECRET",
    type: "string",
    secret: true,
    doc: "Secret of that app",
  },
  schwabRedirectUrl: {
    env: "BASALT_SCHWAB_REDIRECT_URL",
    type: "string",
    format: address("http", "https"),
    doc: "Page of your front end that Schwab sends people back to, exactly as the app has it; the page sends `code` and `state` to POST /connections/callback",
  },
} as const satisfies SettingsTable;
