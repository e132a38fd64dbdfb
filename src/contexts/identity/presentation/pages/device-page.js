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
const secondFactor = find("second-factor", HTMLLabelElement);
const { api = "", token = "" } = form.dataset;

/** A refusal of the API. */
class Refused extends Error {
  /** @param {{ code?: string, detail?: string, title?: string }} problem */
  constructor({ code = "", detail, title = "It did not work" }) {
    super(detail ?? `${title}.`);
    this.code = code;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: object, accessToken?: string }} [more]
 * @returns {Promise<Record<string, string>>}
 */
async function ask(method, path, { body, accessToken } = {}) {
  const answer = await fetch(api + path, {
    method,
    headers: {
      ...(body ? { "content-type": "application/json" } : {}),
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const told = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Refused(told);
  return told;
}

/** What to say of refusals whose own words are not for people. */
const sentences = new Map([
  ["SIGN_IN_REFUSED", "Email or password is wrong."],
  ["SECOND_FACTOR_REQUIRED", "Enter a code, and sign in again."],
  ["CODE_REFUSED", "This code is wrong, or was used before."],
  ["VALIDATION_FAILED", "Email, password or code is not spelled as it should be."],
  ["TOO_MANY_REQUESTS", "There were too many attempts. Wait a quarter of an hour."],
  ["EMAIL_UNVERIFIED", "Verify your email address first, by the link that you were sent."],
  ["NEW_PASSWORD_REQUIRED", "Choose a password of your own first."],
  ["TOO_MANY_API_KEYS", "You have as many API keys as one can have. Revoke one first."],
  [
    "DEVICE_REQUEST_VOID",
    "The request was approved already, or is too old. Start again on the device.",
  ],
]);

/** @param {unknown} error */
function tell(error) {
  if (error instanceof Refused && error.code === "SECOND_FACTOR_REQUIRED") askForCode();
  if (error instanceof Refused) message.textContent = sentences.get(error.code) ?? error.message;
  else if (error instanceof DOMException) message.textContent = "No passkey was used.";
  else message.textContent = "The server does not answer. Try again.";
}

function askForCode() {
  secondFactor.hidden = false;
  secondFactor.querySelector("input")?.focus();
}

function signInWithPassword() {
  const fields = new FormData(form);
  const [email, password, code] = ["email", "password", "code"].map((name) => fields.get(name));
  return ask("POST", "/sessions", { body: { email, password, ...(code ? { code } : {}) } });
}

async function signInWithPasskey() {
  const options = await ask("POST", "/sessions/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    /** @type {PublicKeyCredentialRequestOptionsJSON} */ (/** @type {unknown} */ (options)),
  );
  const response = await navigator.credentials.get({ publicKey });
  return ask("POST", "/sessions/passkey", { body: { response } });
}

/** @param {() => Promise<Record<string, string>>} signIn */
async function connect(signIn) {
  const buttons = [approveButton, passkeyButton];
  message.textContent = "";
  for (const button of buttons) button.disabled = true;
  try {
    const { userId, sessionId, accessToken = "" } = await signIn();
    try {
      await ask("POST", `/users/${userId}/devices`, { body: { token }, accessToken });
    } finally {
      await ask("DELETE", `/sessions/${sessionId}`, { accessToken }).catch(() => {}); // it ends by itself
    }
    find("asking", HTMLElement).hidden = true;
    const done = find("done", HTMLElement);
    done.hidden = false;
    done.querySelector("h1")?.focus();
  } catch (error) {
    tell(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void connect(signInWithPassword);
});
passkeyButton.addEventListener("click", () => void connect(signInWithPasskey));
passkeyButton.hidden = !("PublicKeyCredential" in window);
