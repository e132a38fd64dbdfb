import { err, ok, type Result } from "#kernel/result.ts";
import type { ProviderId } from "../../domain/provider.ts";
import type { Provider, Remote } from "../ports/providers.ts";

export type ProviderUnknown = {
  readonly type: "provider-unknown";
  readonly provider: ProviderId;
  readonly known: readonly ProviderId[];
};
/** Those whose customers send files of statements. */
export const fileProviders = (providers: readonly Provider[]): readonly Provider[] =>
  providers.filter(({ abilities }) => abilities.includes("files"));

/** The provider with an id. */
export const providerOf = (
  providers: readonly Provider[],
  id: ProviderId,
): Result<Provider, ProviderUnknown> => {
  const found = providers.find((provider) => provider.id === id);
  const known = providers.map((provider) => provider.id);
  return found ? ok(found) : err({ type: "provider-unknown", provider: id, known });
};

/** The provider with an id that is asked over its API. */
export function remoteOf(
  providers: readonly Provider[],
  id: ProviderId,
): Result<Provider & { readonly remote: Remote }, ProviderUnknown> {
  const remotes = providers.flatMap((provider) =>
    provider.remote ? [{ ...provider, remote: provider.remote }] : [],
  );
  const found = remotes.find((provider) => provider.id === id);
  const known = remotes.map((provider) => provider.id);
  return found ? ok(found) : err({ type: "provider-unknown", provider: id, known });
}
