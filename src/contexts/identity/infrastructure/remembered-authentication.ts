import type { Principal } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Coherence } from "#platform/cache/coherence.ts";
import type { Authenticated } from "../application/sessions/authenticate.ts";
import { ApiKeyId } from "../domain/ids.ts";

/** Credentials whose owner is known without verifying them again. */
const maxRemembered = 10_000;

type Remembered = {
  readonly principal: Principal | undefined;
  readonly untilMs: number;
  readonly toldFrom: readonly string[];
};
const nobody: Remembered = {
  principal: undefined,
  untilMs: Number.POSITIVE_INFINITY,
  toldFrom: [],
};

type Options = {
  readonly authenticate: (credential: string) => Promise<Authenticated | undefined>;
  readonly coherence: Coherence;
  readonly clock: Clock;
  /** Told of each use of an API key. */
  readonly noteUse: (keyId: string) => void;
};

/**
 * Verifies a credential once, and believes it until it expires, or anything that it was told from
 * changes: a session that was ended, here or by another process, is refused at its next request.
 */
export function rememberedAuthentication({ authenticate, coherence, clock, noteUse }: Options) {
  const known = coherence.cache<Remembered>({
    max: maxRemembered,
    subjects: ({ toldFrom }) => toldFrom,
    async load(credential) {
      const found = await authenticate(credential);
      if (!found) return nobody;
      return { ...found, untilMs: Instant.toUnixMs(found.until) };
    },
  });

  const principalOf = ({ principal }: Remembered): Principal | undefined => {
    if (principal?.credential?.startsWith(ApiKeyId.prefix)) noteUse(principal.credential);
    return principal;
  };
  const stillSo = (credential: string, found: Remembered) =>
    clock.unixMs() < found.untilMs
      ? principalOf(found)
      : known.renew(credential).then((renewed) => principalOf(renewed));

  return (credential: string): Principal | undefined | Promise<Principal | undefined> => {
    const found = known.get(credential);
    return found instanceof Promise
      ? found.then((loaded) => stillSo(credential, loaded))
      : stillSo(credential, found);
  };
}
