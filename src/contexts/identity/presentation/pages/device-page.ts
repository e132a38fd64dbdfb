import { readFileSync } from "node:fs";
import path from "node:path";
import type { Context } from "#kernel/context.ts";
import type { Door, TextAnswer } from "#platform/http/door.ts";
import { html, type Html } from "#platform/http/html.ts";
import { Token } from "../../application/tokens.ts";
import type { Identity } from "../../index.ts";

const at = "/connect";

/** The path of the page on which the request of a device is approved. */
export const devicePageOf = (requestToken: string): string => `${at}/${requestToken}`;

/** It runs our script, asks our API and looks as our style says, and may be framed by nobody. */
const policy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const assetOf = (name: string, type: string): TextAnswer => ({
  status: 200,
  headers: { "content-type": type, "cache-control": "no-cache" },
  text: readFileSync(path.join(import.meta.dirname, name), "utf8"),
});

const assets: ReadonlyMap<string, TextAnswer> = new Map([
  ["/device-page.js", assetOf("device-page.js", "text/javascript; charset=utf-8")],
  ["/device-page.css", assetOf("device-page.css", "text/css; charset=utf-8")],
]);

type Page = { readonly productName: string; readonly base: string };

const answer = (
  status: number,
  { productName, base }: Page,
  { title, body }: { readonly title: string; readonly body: Html },
): TextAnswer => ({
  status,
  headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  text: html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – ${productName}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${base}${at}/device-page.css" />
      </head>
      <body>
        <main>
          <p class="product">${productName}</p>
          ${body}
        </main>
      </body>
    </html> `.text,
});

const over = html`<h1>This address does not work any more</h1>
  <p>
    It works once, for twenty minutes after an app has opened it. If you have just connected the
    app, you are done. Otherwise, start again in the app.
  </p>`;

type Wanted = {
  readonly name: string;
  readonly address: string;
  readonly allows: string;
  readonly token: string;
  readonly api: string;
  /** The host that passkeys belong to. */
  readonly passkeyHost: string;
  readonly script: string;
};

const approval = ({ name, address, allows, token, api, passkeyHost, script }: Wanted): Html =>
  html`<section id="asking" aria-labelledby="title">
      <h1 id="title">Connect this device?</h1>
      <dl>
        <dt>Device</dt>
        <dd>${name}</dd>
        <dt>Internet address</dt>
        <dd>${address}</dd>
        <dt>It will be able to</dt>
        <dd>${allows}</dd>
      </dl>
      <p class="warning">
        Go on only if you have just started this yourself, on your own device. If somebody has sent
        you the address of this page, they would get into your account: close it.
      </p>
      <form
        id="approval"
        method="post"
        aria-labelledby="title"
        data-api="${api}"
        data-token="${token}"
        data-passkey-host="${passkeyHost}"
      >
        <label>Email <input name="email" type="email" autocomplete="username" required /></label>
        <label
          >Password <input name="password" type="password" autocomplete="current-password" required
        /></label>
        <label hidden
          >Code of your authenticator app, or a recovery code
          <input name="code" autocomplete="one-time-code" spellcheck="false" required disabled
        /></label>
        <label hidden
          >A new password of your own
          <input name="newPassword" type="password" autocomplete="new-password" required disabled
        /></label>
        <p id="message" role="alert"></p>
        <button id="approve">Sign in and connect</button>
        <button id="passkey" type="button" hidden>Sign in with a passkey and connect</button>
      </form>
      <noscript><p class="warning">This page needs JavaScript.</p></noscript>
    </section>
    <section id="done" hidden>
      <h1 tabindex="-1">The device is connected</h1>
      <p>
        It goes on by itself; you can close this page. To disconnect it, remove the account in its
        app. If you no longer have the device, revoke the API key that is named “${name}”.
      </p>
    </section>
    <script type="module" src="${script}"></script>`;

type Options = {
  readonly productName: string;
  readonly apiPrefix: string;
  readonly passkeyHost: string;
};

/** The page on which somebody signs in and lets a device act for them. It keeps nobody signed in. */
export function devicePage(
  identity: Pick<Identity, "describeDeviceRequest">,
  { productName, apiPrefix, passkeyHost }: Options,
): Door {
  async function page(text: string, base: string, context: Context): Promise<TextAnswer> {
    const token = Token.parse(text);
    const wanted = token.ok
      ? await identity.describeDeviceRequest({ token: token.value }, context)
      : token;
    if (!wanted.ok) return answer(410, { productName, base }, { title: "Start again", body: over });
    const paths = { api: base + apiPrefix, script: `${base}${at}/device-page.js` };
    const body = approval({ ...wanted.value, ...paths, token: text, passkeyHost });
    return answer(200, { productName, base }, { title: "Connect a device", body });
  }
  return {
    name: "device-page",
    access: "public",
    path: at,
    methods: ["GET", "HEAD"],
    options: { allow: "GET, HEAD" },
    answer: async (request, context) =>
      assets.get(request.path) ??
      page(request.path.slice(1), request.at.slice(0, -at.length), context),
  };
}
