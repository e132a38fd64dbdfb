import type { Clock } from "#kernel/instant.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { Provider } from "../../application/ports/providers.ts";
import { bankFiles } from "../statements/bank-files.ts";
import { alpaca } from "./alpaca.ts";
import { schwab } from "./schwab.ts";

/** Where providers are asked, and as whom. */
type Settings = {
  readonly alpacaUrl: string;
  readonly schwabUrl: string;
  readonly schwabAppKey?: string | undefined;
  readonly schwabAppSecret?: string | undefined;
  readonly schwabRedirectUrl?: string | undefined;
};

/** The application at Schwab; undefined where none is set. */
function schwabClient({
  schwabAppKey: id,
  schwabAppSecret: secret,
  schwabRedirectUrl: redirectUrl,
}: Settings) {
  const set = [id, secret, redirectUrl].filter((one) => one !== undefined && one !== "");
  if (set.length === 0) return undefined;
  if (id && secret && redirectUrl) return { id, secret, redirectUrl };
  throw new Error(
    "BASALT_SCHWAB_APP_KEY, BASALT_SCHWAB_APP_SECRET and BASALT_SCHWAB_REDIRECT_URL go together: set all of them, or none",
  );
}

/** All providers of an installation. */
export function providersBy(
  settings: Settings,
  using: { readonly clock: Clock; readonly metrics: Metrics },
): readonly Provider[] {
  const client = schwabClient(settings);
  return [
    ...bankFiles,
    alpaca({ baseUrl: settings.alpacaUrl, ...using }),
    schwab({ baseUrl: settings.schwabUrl, client, ...using }),
  ];
}
