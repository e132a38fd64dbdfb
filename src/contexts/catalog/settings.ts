import { address } from "#platform/config/formats.ts";
import type { SettingsTable } from "#platform/config/settings.ts";

/** Limits of reservations, and the sources of stock and prices for product pages. */
export const settings = {
  reservationsOfOne: {
    env: "BASALT_RESERVATIONS_OF_ONE",
    type: "integer",
    minimum: 1,
    maximum: 10_000,
    default: 20,
    doc: "Open reservations of one user, who lacks the permission reservations:create-many",
  },
  reservedUnitsOfOne: {
    env: "BASALT_RESERVED_UNITS_OF_ONE",
    type: "integer",
    minimum: 1,
    maximum: 1_000_000,
    default: 100,
    doc: "Units of one reservation of such a user",
  },
  catalogStockUrl: {
    env: "BASALT_CATALOG_STOCK_URL",
    type: "string",
    format: address("http", "https"),
    doc: "URL of the Basalt that product pages get stock from, as in http://other:3000/api/v1; if empty, this one",
  },
  catalogStockKey: {
    env: "BASALT_CATALOG_STOCK_KEY",
    type: "string",
    secret: true,
    doc: "API key or access token to authenticate there; none if empty",
  },
  catalogPricesUrl: {
    env: "BASALT_CATALOG_PRICES_URL",
    type: "string",
    format: address("http", "https"),
    doc: "URL of the Basalt that product pages get prices from, as in http://other:3000/api/v1; if empty, this one",
  },
  catalogPricesKey: {
    env: "BASALT_CATALOG_PRICES_KEY",
    type: "string",
    secret: true,
    doc: "API key or access token to authenticate there; none if empty",
  },
} as const satisfies SettingsTable;
