import type { IsCommonPassword } from "../application/ports.ts";

/** The list of zxcvbn-ts, ordered by how often they leaked. Loaded on first use: it is large. */
export function commonPasswords(): IsCommonPassword {
  let loaded: Promise<ReadonlySet<string>> | undefined;
  const load = async () => {
    const { dictionary } = await import("@zxcvbn-ts/language-common");
    return new Set(dictionary["passwords-common"].map((known) => known.toLowerCase()));
  };
  return async (password) => {
    loaded ??= load();
    return (await loaded).has(password.toLowerCase());
  };
}
