import type { Secrets } from "#platform/secrets/secrets.ts";
import type { LinkTokens } from "../application/ports/links.ts";
import { LinkId } from "../domain/ids.ts";

type Signing = Pick<Secrets, "sign" | "isSigned">;
const [ofLinks, ofVisits] = ["drive-link", "drive-visit"];

/** What a text says, if its last part is the signature of the others. */
function partsOf({ isSigned }: Signing, text: string, purpose: string): readonly string[] {
  const end = text.lastIndexOf(".");
  const said = text.slice(0, Math.max(end, 0));
  return isSigned(said, text.slice(end + 1), purpose) ? said.split(".") : [];
}

function linkIdOf(text: string | undefined): LinkId | undefined {
  const parsed = LinkId.parse(text);
  return parsed.ok ? parsed.value : undefined;
}

/** Tokens and visits that are signed under the master key, so that the database has nothing that opens a link. */
export const signedLinks = (secrets: Signing): LinkTokens => {
  const signed = (said: string, purpose: string) => `${said}.${secrets.sign(said, purpose)}`;
  return {
    tokenOf: (id) => signed(id, ofLinks ?? ""),
    linkIn: (token) => linkIdOf(partsOf(secrets, token, ofLinks ?? "")[0]),
    visitOf: ({ linkId, name, untilMs }) => signed(`${linkId}.${name}.${untilMs}`, ofVisits ?? ""),
    visitIn(text) {
      const [id, name, until] = partsOf(secrets, text, ofVisits ?? "");
      const linkId = linkIdOf(id);
      return linkId && name !== undefined ? { linkId, name, untilMs: Number(until) } : undefined;
    },
  };
};
