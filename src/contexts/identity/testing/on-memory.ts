import type { SendEmail } from "#platform/email/email.ts";
import type { OnMemory } from "#platform/memory/memory-database.ts";
import { argon2Passwords } from "../infrastructure/argon2-passwords.ts";
import { memoryKeyStore } from "../infrastructure/signing-keys.ts";
import { identityWith } from "../module.ts";
import { cheapHashes } from "./fixtures.ts";
import { memoryIdentity, memoryIdentityTables } from "./memory-identity.ts";

/** Identity in memory. All processes that are composed of one answer share its tables. */
export function onMemory({ sendEmail }: { readonly sendEmail: SendEmail }) {
  const tables = memoryIdentityTables({});
  const keyStore = memoryKeyStore();
  const passwords = argon2Passwords(cheapHashes);
  return identityWith<OnMemory>((_database, newId) => ({
    scope: memoryIdentity(tables, newId),
    changes: tables.changes,
    keyStore,
    async keepUses(uses) {
      for (const [id, lastUsedAt] of uses)
        tables.apiKeys.change(id, (key) => key && { ...key, lastUsedAt });
    },
    grantDefaults: async (grants) => tables.grantDefaults(grants),
    passwords,
    mailer: () => sendEmail,
  }));
}
