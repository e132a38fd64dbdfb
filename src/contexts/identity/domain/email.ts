import { branded, type Brand } from "#kernel/shape.ts";
import { punycode } from "./punycode.ts";

/** An email address in its canonical form: in lower case, in NFC, its domain in ASCII. */
export type Email = Brand<string, "Email">;

/** With the space around it: no more is looked at. */
const longest = 320;
const longestName = 64;

/** What stands between dots before the `@`: no space, controls, invisible characters or specials. */
const atom = /^[^\s\p{C}\p{Default_Ignorable_Code_Point}<>()[\]\\,;:"@.]+$/u;
const ascii = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const letters = /^((?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}-])+$/u;
const dots = /[.\u3002]/;

/** The label of a domain in ASCII. Source: RFC 5891, with the mapping of characters of UTS 46. */
function labelOf(text: string): string | undefined {
  if (ascii.test(text)) return text;
  const label = letters.test(text) && !text.startsWith("-") && !text.endsWith("-");
  const spelled = label ? `xn--${punycode(text)}` : "";
  return ascii.test(spelled) ? spelled : undefined;
}

function domainOf(text: string): string | undefined {
  const labels = text.normalize("NFKC").toLowerCase().normalize("NFKC").split(dots).map(labelOf);
  return labels.length > 1 && !labels.includes(undefined) ? labels.join(".") : undefined;
}

export const Email = branded<Email>("email address", {
  schema: { type: "string", format: "email", maxLength: 254 },
  parse(input) {
    if (input.length > longest) return undefined;
    const text = input.trim();
    const at = text.lastIndexOf("@");
    const name = text.slice(0, Math.max(at, 0)).normalize("NFC").toLowerCase().normalize("NFC");
    const domain = domainOf(text.slice(at + 1));
    const isName = name.length <= longestName && name.split(".").every((part) => atom.test(part));
    return isName && domain !== undefined ? `${name}@${domain}` : undefined;
  },
});
