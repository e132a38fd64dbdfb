import assert from "node:assert/strict";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Secret, TOTP } from "otpauth";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { adminEmail, password, signUp, type SignedIn } from "#test/basalt.ts";
import {
  basicOf,
  beginLogin,
  desktopAgent,
  poll,
  type Begun,
  type Collected,
} from "#test/device-login.ts";
import { verify } from "#test/emails.ts";
import { get, post } from "#test/http.ts";
import { freePort } from "#test/ports.ts";
import { openWebDav } from "#test/webdav.ts";

/** Where pictures of the page are kept, to be looked at, if anywhere. */
const pictures = process.env["BASALT_TEST_PICTURES"];

describe("the page on which a device is connected, in Chromium", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let begun: Begun;
  let user: SignedIn;
  let email: string;
  /** Passkeys belong to a host that has a name. */
  let url: string;
  let users = 0;
  before(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    house = await openWebDav({
      PORT: String(port),
      BASALT_PUBLIC_URL: url,
      BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "300",
    });
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
    context = await browser.newContext({ viewport: { width: 900, height: 800 } });
    page = await context.newPage();
    begun = await beginLogin(url);
    email = `user${(users += 1)}@example.com`;
    user = await signUp(house.served, email);
    await verify(house.served, email, user);
    await page.goto(begun.login);
  });

  const picture = async (name: string) => {
    if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  };
  const passwordField = () => page.getByLabel("Password", { exact: true });
  async function signIn(typed = password, who = email) {
    await page.getByLabel("Email").fill(who);
    await passwordField().fill(typed);
    await page.getByRole("button", { name: "Sign in and connect" }).click();
  }
  const isConnected = () =>
    page.getByRole("heading", { name: "The device is connected" }).waitFor({ timeout: 10_000 });
  const isTold = (text: string | RegExp) =>
    page.getByRole("alert").filter({ hasText: text }).waitFor({ timeout: 10_000 });
  const keysOf = async ({ headers, userId }: SignedIn) =>
    (await get({ url: house.served.url, headers }, `/users/${userId}/api-keys`)).body[
      "items"
    ] as readonly object[];

  test("says who asks for what, and connects with email and password, after a wrong one too", async () => {
    const shown = await page.locator("main").innerText();
    for (const text of [
      "Connect this device?",
      desktopAgent,
      "127.0.0.1",
      "list, read, change and delete your files",
      "close it",
    ])
      assert.ok(shown.includes(text), `${text} in ${shown}`);
    await picture("asking");
    for (const wrong of ["not the password", "short"]) {
      await signIn(wrong);
      await isTold("Email or password is wrong.");
    }
    await picture("refused");
    assert.equal((await poll(begun)).status, 404);
    await signIn();
    await isConnected();
    assert.match(await page.title(), /^The device is connected/);
    await picture("connected");
    const as = basicOf((await (await poll(begun)).json()) as Collected);
    const at = `/remote.php/dav/files/${email}/`;
    assert.equal((await house.ask("PROPFIND", at, { as, depth: "1" })).status, 207);
    await page.reload();
    assert.match(await page.locator("main").innerText(), /does not work any more/);
    await picture("over");
  });

  test("keeps nobody signed in, and leaves nothing in the browser", async () => {
    await signIn();
    await isConnected();
    const kept = await page.evaluate("[localStorage.length, sessionStorage.length]");
    assert.deepEqual([kept, await context.cookies()], [[0, 0], []]);
    assert.equal(await page.evaluate("document.querySelector('[name=password]').value"), "");
    const { body } = await get(
      { url: house.served.url, headers: user.headers },
      `/users/${user.userId}/sessions`,
    );
    assert.equal((body["items"] as readonly object[]).length, 1, "that of the test");
  });

  test("fits a phone, in the dark, and works by the keyboard alone", async () => {
    await page.setViewportSize({ width: 375, height: 780 });
    await page.emulateMedia({ colorScheme: "dark" });
    await picture("phone");
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 375);
    await page.keyboard.press("Tab");
    await page.keyboard.type(email);
    await page.keyboard.press("Tab");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await isTold("Email or password is wrong.");
    assert.equal(await page.evaluate("document.activeElement.name"), "password");
    await passwordField().fill("");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await isConnected();
    await picture("phone-connected");
  });

  test("connects once where it is clicked twice, and where the answer was lost", async () => {
    let isLost = true;
    await page.route("**/devices", async (route) => {
      if (!isLost) return route.continue();
      isLost = false;
      await route.fetch();
      return route.abort();
    });
    await signIn();
    await isTold("The server does not answer. Try again.");
    assert.equal((await poll(begun)).status, 200, "though it has been approved");
    await page.getByRole("button", { name: "Sign in and connect" }).dblclick();
    await isConnected();
    assert.equal((await keysOf(user)).length, 1);
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
    const at = { url: house.served.url, headers: user.headers };
    const options = await post(at, `/users/${user.userId}/passkeys/options`);
    const response = await page.evaluate(`navigator.credentials
      .create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${options.text}) })
      .then((made) => made.toJSON())`);
    const added = await post(at, `/users/${user.userId}/passkeys`, { name: "mine", response });
    assert.equal(added.status, 204, added.text);
    await page.getByRole("button", { name: "Sign in with a passkey and connect" }).click();
    await isConnected();
    assert.equal((await poll(begun)).status, 200);
  });

  test("offers no passkeys where they belong to another host", async () => {
    await page.goto(begun.login.replace("localhost", "127.0.0.1"));
    await page.getByRole("heading", { name: "Connect this device?" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /passkey/ }).count(), 0);
  });

  test("asks for the code of an authenticator app where there is one", async () => {
    const at = { url: house.served.url, headers: user.headers };
    const { body } = await post(at, `/users/${user.userId}/totp`);
    const app = new TOTP({ secret: Secret.fromBase32(String(body["secret"])) });
    const activation = { code: app.generate() };
    const { body: active } = await post(at, `/users/${user.userId}/totp/activation`, activation);
    const [code = ""] = active["recoveryCodes"] as readonly string[];
    await signIn();
    await isTold("Enter a code");
    const field = page.getByLabel("Code of your authenticator app, or a recovery code");
    for (const wrong of ["000000", "12"]) {
      await field.fill(wrong);
      await page.keyboard.press("Enter");
      await isTold("This code is wrong");
    }
    await picture("code");
    await field.fill(code);
    await page.keyboard.press("Enter");
    await isConnected();
  });

  test("lets who has a password for one use choose a new one", async () => {
    await house.served.opened.sql(
      `update identity.credentials set is_initial = true where user_id = '${user.userId}'`,
    );
    await signIn();
    await isTold("Choose a new one");
    const field = page.getByLabel("A new password of your own");
    await field.fill("short");
    await page.keyboard.press("Enter");
    await isTold("at least eight characters");
    await field.fill("battery staple correct");
    await picture("new-password");
    await page.keyboard.press("Enter");
    await isConnected();
  });

  test("says what stands in the way of who is not verified, and where the server is gone", async () => {
    const other = "unverified@example.com";
    await signUp(house.served, other);
    await signIn(password, other);
    await isTold("Your email address is not verified yet.");
    await context.setOffline(true);
    await signIn(password, adminEmail);
    await isTold("The server does not answer.");
  });
});
