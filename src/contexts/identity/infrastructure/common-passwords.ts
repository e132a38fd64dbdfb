import type { IsCommonPassword } from "../application/ports.ts";

/** Fewer different characters than this make no password, however long. */
const fewestDifferent = 4;
/** What people put around a word to please a rule: `Password1!`. */
const around = /^[^a-z]{0,4}([a-z]{5,})[^a-z]{0,4}$/;

/** The list of zxcvbn-ts, ordered by how often they leaked. Loaded on first use: it is large. */
export function commonPasswords(): IsCommonPassword {
  let loaded: Promise<ReadonlySet<string>> | undefined;
  const load = async () => {
    const { dictionary } = await import("@zxcvbn-ts/language-common");
    return new Set(dictionary["passwords-common"].map((known) => known.toLowerCase()));
  };
  return async (password) => {
    loaded ??= load();
    const known = await loaded;
    const spoken = password.toLowerCase();
    const word = around.exec(spoken)?.[1];
    return (
      new Set(spoken).size < fewestDifferent ||
      known.has(spoken) ||
      (word !== undefined && known.has(word))
    );
  };
}
