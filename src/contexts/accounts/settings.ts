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
} as const satisfies SettingsTable;
