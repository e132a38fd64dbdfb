import assert from "node:assert/strict";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Secret, TOTP } from "otpauth";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { password } from "#test/basalt.ts";
import { get, post } from "#test/http.ts";
import { freePort } from "#test/ports.ts";
import { openWebDav } from "#test/webdav.ts";

/** Where pictures of the page are kept, to be looked at. */
const pictures = process.env["BASALT_TEST_PICTURES"];

type Begun = {
  readonly poll: { readonly token: string; readonly endpoint: string };
  readonly login: string;
};

describe("the page on which a device is connected, in Chromium", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let begun: Begun;
  /** Passkeys belong to a host that has a name. */
  let url: string;
  before(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    house = await openWebDav({ PORT: String(port), BASALT_PUBLIC_URL: url });
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu"],
    });
  });
  after(async () => {
    await browser.close();
    await house.served[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await context?.close();
    context = await browser.newContext({ viewport: { width: 900, height: 760 } });
    page = await context.newPage();
    begun = await begin();
    await page.goto(begun.login);
  });

  async function begin(): Promise<Begun> {
    const headers = { "user-agent": "Mozilla/5.0 (Linux) mirall/3.16.4 (Nextcloud)" };
    const answer = await fetch(`${url}/index.php/login/v2`, { method: "POST", headers });
    return (await answer.json()) as Begun;
  }
  const poll = ({ poll: { token, endpoint } }: Begun) =>
    fetch(endpoint, { method: "POST", body: new URLSearchParams({ token }) });
  const picture = async (name: string) => {
    if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  };
  async function signIn(typed: string) {
    await page.getByLabel("Email").fill("ada@example.com");
    await page.getByLabel("Password").fill(typed);
    await page.getByRole("button", { name: "Sign in and connect" }).click();
  }
  const isConnected = () =>
    page.getByRole("heading", { name: "The device is connected" }).waitFor({ timeout: 10_000 });
  const isTold = (text: string | RegExp) =>
    page.getByRole("alert").filter({ hasText: text }).waitFor({ timeout: 10_000 });

  test("says who asks for what, and connects with email and password, after a wrong one too", async () => {
    const shown = await page.locator("main").innerText();
    for (const text of [
      "Connect this device?",
      "Mozilla/5.0 (Linux) mirall/3.16.4 (Nextcloud)",
      "127.0.0.1",
      "list, read, change and delete your files",
      "close this page",
    ])
      assert.ok(shown.includes(text), `${text} in ${shown}`);
    await picture("asking");
    await signIn("not the password");
    await isTold("Email or password is wrong.");
    await picture("refused");
    assert.equal((await poll(begun)).status, 404);
    await signIn(password);
    await isConnected();
    await picture("connected");
    const { loginName, appPassword } = (await (await poll(begun)).json()) as {
      readonly loginName: string;
      readonly appPassword: string;
    };
    const as = `Basic ${btoa(`${loginName}:${appPassword}`)}`;
    const listed = await house.ask("PROPFIND", "/remote.php/dav/files/ada@example.com/", {
      as,
      depth: "1",
    });
    assert.equal(listed.status, 207);
    await page.reload();
    assert.match(await page.locator("main").innerText(), /does not work any more/);
    await picture("void");
  });

  test("keeps nobody signed in, and leaves nothing in the browser", async () => {
    await signIn(password);
    await isConnected();
    const kept = await page.evaluate("[localStorage.length, sessionStorage.length]");
    assert.deepEqual([kept, await context.cookies()], [[0, 0], []]);
    const { body } = await get(house.at(house.ada), `/users/${house.ada.userId}/sessions`);
    assert.equal((body["items"] as readonly object[]).length, 1, "that of the test");
  });

  test("fits a phone, in the dark, and works by the keyboard alone", async () => {
    await page.setViewportSize({ width: 375, height: 760 });
    await page.emulateMedia({ colorScheme: "dark" });
    await picture("phone");
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.equal(width, 375);
    await page.keyboard.type("ada@example.com");
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await isConnected();
    await picture("phone-connected");
  });

  test("connects by a passkey", async () => {
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
      },
    });
    const at = house.at(house.ada);
    const options = await post(at, `/users/${house.ada.userId}/passkeys/options`);
    const response = await page.evaluate(`navigator.credentials
      .create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${options.text}) })
      .then((made) => made.toJSON())`);
    const added = await post(at, `/users/${house.ada.userId}/passkeys`, { name: "mine", response });
    assert.equal(added.status, 204, added.text);
    await page.getByRole("button", { name: "Sign in with a passkey and connect" }).click();
    await isConnected();
    assert.equal((await poll(begun)).status, 200);
  });

  test("asks for the code of an authenticator app where there is one", async () => {
    const at = house.at(house.ada);
    const { body } = await post(at, `/users/${house.ada.userId}/totp`);
    const app = new TOTP({ secret: Secret.fromBase32(String(body["secret"])) });
    const { body: active, status } = await post(at, `/users/${house.ada.userId}/totp/activation`, {
      code: app.generate(),
    });
    assert.equal(status, 200);
    const [code = ""] = active["recoveryCodes"] as readonly string[];
    await signIn(password);
    await isTold("Enter a code");
    const field = page.getByLabel("Code of your authenticator app, or a recovery code");
    await field.fill("000000");
    await page.keyboard.press("Enter");
    await isTold("This code is wrong");
    await picture("code");
    await field.fill(code);
    await page.keyboard.press("Enter");
    await isConnected();
  });

  test("says so where the server is gone", async () => {
    await context.setOffline(true);
    await signIn(password);
    await isTold("The server does not answer.");
  });
});
