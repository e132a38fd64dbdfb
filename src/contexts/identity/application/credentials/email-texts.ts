/** An email before its values are filled in, as in `{name}`. */
export type EmailText = { readonly subject: string; readonly text: string };

const changed = (
  what: string,
  otherwise = "sign in, change your password, and check your passkeys and API keys.",
) => ({
  subject: "Your account was changed",
  text: `Hello,\n\n${what}\n\nIf you did not do this, ${otherwise}\n`,
});

/**
 * The texts of all emails. `{product}` is the name of the product, `{how}` says how to go on, `{within}` is how long
 * that works. `{name}` of a user is only for addresses that are shown to be theirs, or were invited: a stranger who
 * registers the address of somebody else could write to them in it.
 */
export const emailTexts = {
  welcome: {
    subject: "Welcome to {product}",
    text: "Hello,\n\nyour account is ready. Please confirm within {within} that this address is yours:\n\n{how}\n",
  },
  invitation: {
    subject: "You are invited to {product}",
    text: "Hello {name},\n\nan account was created for you. Please choose a password within {within}:\n\n{how}\n",
  },
  passwordReset: {
    subject: "Choose a new password",
    text: "Hello,\n\nyou can choose a new password within {within}:\n\n{how}\n\nIf you did not ask for this, you can ignore this email: nothing has changed.\n",
  },
  emailVerification: {
    subject: "Please confirm your email address",
    text: "Hello,\n\nplease confirm within {within} that this address is yours:\n\n{how}\n\nIf you did not ask for this, you can ignore this email: nothing has changed.\n",
  },
  emailChangeRequested: {
    subject: "Your email address is about to change",
    text: "Hello,\n\nanother email address was given for your account. It counts once the owner of that address confirms it.\n\nIf you did not ask for this, sign in and change your password: that withdraws the new address and ends all other sessions.\n",
  },
  emailChanged: {
    subject: "Your email address was changed",
    text: "Hello,\n\nthe email address of your account was changed, and this one is no longer used.\n\nIf you did not ask for this, take your account back within {within}, by a new password:\n\n{how}\n",
  },
  accountRestored: {
    subject: "Your account was taken back",
    text: "Hello,\n\nyour account was taken back by its former email address, and has a new password. All sessions have ended; API keys, passkeys and the second factor were removed.\n\nIf you did not do this, contact the operator of this service.\n",
  },
  passwordChanged: changed(
    "your password was changed.",
    "choose a new password, and check your passkeys and API keys.",
  ),
  totpActivated: changed(
    "signing in now requires a code from your authenticator app.",
    "contact the operator of this service: without the code you cannot sign in any more.",
  ),
  totpRemoved: changed("signing in no longer requires a code."),
  passkeyAdded: changed("a passkey was added."),
  passkeyRemoved: changed("a passkey was removed."),
  apiKeyCreated: changed("an API key was created."),
  accountDeleted: {
    subject: "Your account was deleted",
    text: "Hello,\n\nyour account was deleted. What is known of you will be erased within {within}.\n\nIf you did not ask for this, please contact the operator of this service.\n",
  },
} as const satisfies { readonly [kind: string]: EmailText };

export type EmailKind = keyof typeof emailTexts;
export type EmailTexts = { readonly [Kind in EmailKind]: EmailText };
export type EmailValues = {
  readonly product: string;
  readonly how?: string;
  readonly within?: string;
  readonly name?: string;
};

const placeholders = /\{([a-z]+)\}/g;
const placeholdersOf = ({ subject, text }: EmailText): ReadonlySet<string> =>
  new Set([...`${subject}${text}`.matchAll(placeholders)].map(([, name = ""]) => name));

/** Fills the values in. */
export function fill({ subject, text }: EmailText, values: EmailValues): EmailText {
  const filled = (part: string) =>
    part.replaceAll(placeholders, (_, name: keyof EmailValues) => values[name] ?? "");
  return { subject: filled(subject), text: filled(text) };
}

const isText = (value: unknown): value is Partial<EmailText> =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).every(
    ([field, text]) => (field === "subject" || field === "text") && typeof text === "string",
  );

/**
 * The texts with those of an operator in the place of some: `{"welcome": {"subject": …, "text": …}}`. Answers what is
 * wrong with theirs.
 */
export function textsWith(overrides: unknown): EmailTexts | string {
  if (typeof overrides !== "object" || overrides === null) return "must be an object of texts";
  const texts: Record<EmailKind, EmailText> = { ...emailTexts };
  for (const [kind, override] of Object.entries(overrides)) {
    const known = texts[kind as EmailKind] as EmailText | undefined;
    if (!known) return `has an unknown email "${kind}"; known: ${Object.keys(texts).join(", ")}`;
    if (!isText(override)) return `"${kind}" must have a "subject", a "text" or both, as strings`;
    const text = { ...known, ...override };
    const allowed = new Set([...placeholdersOf(known), "product"]);
    const foreign = [...placeholdersOf(text)].find((name) => !allowed.has(name));
    if (foreign !== undefined) return `"${kind}" cannot contain {${foreign}}`;
    if (allowed.has("how") && !text.text.includes("{how}")) return `"${kind}" must contain {how}`;
    if (/[\r\n]/.test(text.subject)) return `the subject of "${kind}" must be one line`;
    texts[kind as EmailKind] = text;
  }
  return texts;
}
