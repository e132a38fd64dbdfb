/** @template {Element} E @param {string} id @param {new () => E} kind @returns {E} */
function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const form = find("approval", HTMLFormElement);
const message = find("message", HTMLParagraphElement);
const approveButton = find("approve", HTMLButtonElement);
const passkeyButton = find("passkey", HTMLButtonElement);
const { api = "", token = "", passkeyHost = "" } = form.dataset;

/** @param {string} name */
function fieldOf(name) {
  const field = form.elements.namedItem(name);
  if (!(field instanceof HTMLInputElement)) throw new Error(`the page has no field ${name}`);
  return field;
}

/** @typedef {{ code?: string, detail?: string, title?: string, details?: { reason?: string }, errors?: { path: string }[] }} Problem */

/** A refusal of the API. */
class Refused extends Error {
  /** @param {Problem} problem @param {number} retryAfterS */
  constructor(problem, retryAfterS) {
    super(problem.detail ?? problem.title ?? "It did not work");
    this.problem = problem;
    this.code = problem.code ?? "";
    this.retryAfterS = retryAfterS;
  }
}

/** Nobody has answered. */
class Unreachable extends Error {}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: object, accessToken?: string, idempotencyKey?: string }} [more]
 * @returns {Promise<any>} the JSON of the answer
 */
async function ask(method, path, { body, accessToken, idempotencyKey } = {}) {
  const answer = await fetch(api + path, {
    method,
    headers: {
      ...(body ? { "content-type": "application/json" } : {}),
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).catch(() => {
    throw new Unreachable();
  });
  const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(told, Number(answer.headers.get("retry-after")));
  return told;
}

/** @param {string} name */
function askFor(name) {
  const field = fieldOf(name);
  field.disabled = false;
  if (field.parentElement) field.parentElement.hidden = false;
}

/** @param {number} seconds */
const duration = (seconds) =>
  seconds < 90 ? `${Math.max(seconds, 1)} seconds` : `${Math.ceil(seconds / 60)} minutes`;

const wrong = { text: "Email or password is wrong.", field: "password" };
const wrongCode = { text: "This code is wrong, or was used before.", field: "code" };

/** What to say of a refusal, and the field that is to be filled in again. @param {Refused} refused @returns {{ text: string, field?: string }} */
function saysOf({ code, problem, retryAfterS, message: detail }) {
  const malformed = (problem.errors ?? []).map(({ path }) => path);
  switch (code) {
    case "SIGN_IN_REFUSED":
      return wrong;
    case "VALIDATION_FAILED":
      if (malformed.includes("/newPassword"))
        return { text: "The new password needs at least eight characters.", field: "newPassword" };
      return malformed.includes("/code") ? wrongCode : wrong;
    case "SECOND_FACTOR_REQUIRED":
      askFor("code");
      return { text: "Enter a code, and sign in again.", field: "code" };
    case "CODE_REFUSED":
      askFor("code");
      return wrongCode;
    case "NEW_PASSWORD_REQUIRED":
      askFor("newPassword");
      return { text: "This password works once. Choose a new one.", field: "newPassword" };
    case "PASSWORD_TOO_COMMON":
      return { text: "This password is easy to guess. Choose another one.", field: "newPassword" };
    case "TOO_MANY_REQUESTS":
    case "TOO_BUSY":
      return { text: `There were too many attempts. Try again in ${duration(retryAfterS)}.` };
    case "EMAIL_UNVERIFIED":
      return { text: "Your email address is not verified yet. Verify it first." };
    case "TOO_MANY_API_KEYS":
      return { text: "You have as many API keys as one can have. Revoke one first." };
    case "DEVICE_REQUEST_VOID":
      return {
        text:
          problem.details?.reason === "approved"
            ? "The device is connected already."
            : "This page is too old. Start again in the app.",
      };
    default:
      return { text: `${detail.replace(/\.?$/, "")}.` };
  }
}

/** @param {unknown} error @returns {{ text: string, field?: string }} */
function explanation(error) {
  if (error instanceof Refused) return saysOf(error);
  if (error instanceof Unreachable) return { text: "The server does not answer. Try again." };
  if (error instanceof DOMException && error.name === "NotAllowedError")
    return { text: "No passkey was used." };
  return { text: `It did not work: ${String(error)}` };
}

async function signInWithPassword() {
  const fields = Object.fromEntries(new FormData(form));
  const signedIn = await ask("POST", "/sessions", { body: fields });
  const chosen = fields["newPassword"];
  if (typeof chosen !== "string") return signedIn;
  // It is the password from now on, should something fail behind the sign-in.
  fieldOf("password").value = chosen;
  const field = fieldOf("newPassword");
  field.disabled = true;
  if (field.parentElement) field.parentElement.hidden = true;
  return signedIn;
}

async function signInWithPasskey() {
  const options = await ask("POST", "/sessions/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const response = await navigator.credentials.get({ publicKey });
  return ask("POST", "/sessions/passkey", { body: { response } });
}

/** Approved again, where an answer was lost, it is the same approval. @param {any} signedIn */
const approve = ({ userId, accessToken }) =>
  ask("POST", `/users/${userId}/devices`, {
    body: { token },
    accessToken,
    idempotencyKey: `connect-${token.slice(-40)}`,
  });

/** Where nobody hears it, the session ends by itself. @param {any} signedIn */
const signOut = ({ sessionId, accessToken }) =>
  ask("DELETE", `/sessions/${sessionId}`, { accessToken }).catch(() => {});

function showDone() {
  form.reset();
  document.title = document.title.replace(/^[^–]*/, "The device is connected ");
  find("asking", HTMLElement).hidden = true;
  const done = find("done", HTMLElement);
  done.hidden = false;
  done.querySelector("h1")?.focus();
}

/** @param {boolean} isBusy */
function beBusy(isBusy) {
  form.setAttribute("aria-busy", String(isBusy));
  for (const button of [approveButton, passkeyButton])
    button.setAttribute("aria-disabled", String(isBusy));
  approveButton.textContent = isBusy ? "Signing in …" : "Sign in and connect";
}

/** @param {unknown} error */
function tell(error) {
  const { text, field } = explanation(error);
  message.textContent = text;
  if (field === undefined) return;
  fieldOf(field).setAttribute("aria-invalid", "true");
  fieldOf(field).focus();
}

/** @param {() => Promise<any>} signIn */
async function connect(signIn) {
  if (form.getAttribute("aria-busy") === "true") return;
  message.textContent = "";
  for (const field of form.querySelectorAll("input")) field.removeAttribute("aria-invalid");
  beBusy(true);
  try {
    const signedIn = await signIn();
    await approve(signedIn).finally(() => signOut(signedIn));
    showDone();
  } catch (error) {
    tell(error);
  } finally {
    beBusy(false);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void connect(signInWithPassword);
});
passkeyButton.addEventListener("click", () => void connect(signInWithPasskey));
for (const field of form.querySelectorAll("input"))
  field.setAttribute("aria-describedby", "message");

/** Passkeys belong to one host and those below it, which may be that of an app. */
const isPasskeyHost = `.${location.hostname}`.endsWith(`.${passkeyHost}`);
const knowsPasskeys =
  "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
passkeyButton.hidden = !isPasskeyHost || !knowsPasskeys;
