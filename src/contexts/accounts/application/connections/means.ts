import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { OpenLogin, Sealed } from "../../domain/connection.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { ExternalId } from "../../domain/observation.ts";
import type { ProviderId } from "../../domain/provider.ts";
import type { CredentialSealing } from "../ports/connections.ts";
import type { Login, ProviderFailure, Remote } from "../ports/providers.ts";

/** A part of an API key. Nothing but visible characters: it becomes a header. */
export type KeyPart = Brand<string, "KeyPart">;
export const KeyPart = branded<KeyPart>("part of an API key", {
  schema: {
    type: "string",
    minLength: 1,
    maxLength: 200,
    pattern: "^[\\x21-\\x7e]+$",
    writeOnly: true,
  },
  says: "1 to 200 visible characters without spaces",
});
/** The id and the secret of a key, as the provider has made it. */
export const Keys = shape({ id: KeyPart, secret: KeyPart });
type Keys = Infer<typeof Keys>;

/** The provider is connected with keys, and none were given; or its customers sign in there, and keys were given. */
export type OtherCredentials = {
  readonly type: "other-credentials";
  readonly connectsWith: Remote["connectsWith"];
};
/** The provider does not take the keys. */
export type KeysRefused = { readonly type: "keys-refused"; readonly provider: ProviderId };
/** The provider does not answer now. */
export type ProviderUnavailable = {
  readonly type: "provider-unavailable";
  readonly provider: ProviderId;
};

/** What a connection goes on with: keys that the provider has taken, or a login that is begun. */
type Means =
  | { readonly credentials: Sealed; readonly accounts: readonly ExternalId[] }
  | { readonly login: OpenLogin; readonly signInAt: string };

/** How long an owner may take to sign in. */
const signInMs = 10 * 60_000;

type Deps = { readonly clock: Clock; readonly sealing: CredentialSealing };
type Asked = {
  readonly provider: { readonly id: ProviderId; readonly remote: Remote };
  readonly connectionId: ConnectionId;
  readonly keys: Keys | undefined;
};

/** Begins a login that only this session can finish. */
async function begun(
  { clock, sealing }: Deps,
  { login, connectionId }: { readonly login: Login; readonly connectionId: ConnectionId },
  { actor, credential = actor }: Context,
): Promise<Means> {
  const { url, state, verifier } = await login.begin((random) => `${connectionId}.${random}`);
  return {
    login: {
      state,
      verifier: sealing.seal(verifier, connectionId),
      session: credential,
      until: Instant.plus(clock.now(), signInMs),
    },
    signInAt: url,
  };
}

/** The refusal for credentials that the provider does not accept now. */
export const notOpened = (
  provider: ProviderId,
  { reason }: ProviderFailure,
): KeysRefused | ProviderUnavailable =>
  reason === "login-lost" || reason === "refused"
    ? { type: "keys-refused", provider }
    : { type: "provider-unavailable", provider };

/** Asks the provider about keys, or begins a login, whichever it connects with. */
export async function meansOf(
  deps: Deps,
  { provider: { id, remote }, connectionId, keys }: Asked,
  context: Context,
): Promise<Result<Means, OtherCredentials | KeysRefused | ProviderUnavailable>> {
  const { connectsWith } = remote;
  if ((connectsWith === "keys") !== (keys !== undefined))
    return err({ type: "other-credentials", connectsWith });
  if (connectsWith === "login")
    return ok(await begun(deps, { login: remote.login, connectionId }, context));
  if (!keys) return err({ type: "other-credentials", connectsWith });
  const accounts = await remote.accounts(keys, context);
  if (!accounts.ok) return err(notOpened(id, accounts.error));
  const credentials = deps.sealing.seal(JSON.stringify(keys), connectionId);
  return ok({ credentials, accounts: accounts.value });
}
