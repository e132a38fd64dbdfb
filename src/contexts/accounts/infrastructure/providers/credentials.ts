import { SecretSealed, type Secrets } from "#platform/secrets/secrets.ts";
import type { CredentialSealing } from "../../application/ports/connections.ts";
import type { Sealed } from "../../domain/connection.ts";

const purpose = "connections";

/** Under the master key, bound to the connection. */
export const credentialSealing = (secrets: Secrets): CredentialSealing => ({
  seal: (plain, id) => secrets.seal(plain, purpose, id) as Sealed,
  open(sealed, id) {
    try {
      return secrets.open(sealed, purpose, id);
    } catch (error) {
      if (error instanceof SecretSealed) throw error;
      return undefined;
    }
  },
  isOld: (sealed) => !sealed.startsWith(`${secrets.keyId}.`),
});
