import { readFileSync } from "node:fs";
import path from "node:path";
import type { Context } from "#kernel/context.ts";
import type { Door, TextAnswer } from "#platform/http/door.ts";
import { Token } from "../../application/tokens.ts";
import type { Identity } from "../../index.ts";

const at = "/connect";

/** The path of the page on which the request of a device is approved. */
export const devicePageOf = (requestToken: string): string => `${at}/${requestToken}`;

/** It runs our script, asks our API and looks as our style says, and may be framed by nobody. */
const policy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const html = (status: number, text: string): TextAnswer => ({
  status,
  headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  text,
});

const assetOf = (name: string, type: string): TextAnswer => ({
  status: 200,
  headers: { "content-type": type, "cache-control": "no-cache" },
  text: readFileSync(path.join(import.meta.dirname, name), "utf8"),
});

const assets: ReadonlyMap<string, TextAnswer> = new Map([
  ["/device-page.js", assetOf("device-page.js", "text/javascript; charset=utf-8")],
  ["/device-page.css", assetOf("device-page.css", "text/css; charset=utf-8")],
]);

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (one) => entities[one] ?? "");

type Page = { readonly productName: string; readonly base: string };

const pageOf = (
  { productName, base }: Page,
  title: string,
  body: string,
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(`${title} – ${productName}`)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${escaped(base + at)}/device-page.css">
</head>
<body>
<main>
<p class="product">${escaped(productName)}</p>
${body}
</main>
</body>
</html>
`;

const voidPage = (page: Page): string =>
  pageOf(
    page,
    "Start again",
    `<h1>This address does not work any more</h1>
<p>A device opens it for twenty minutes, and for one approval. Start again in the app that you want to connect.</p>`,
  );

type Wanted = {
  readonly name: string;
  readonly address: string;
  readonly purpose: string;
  readonly token: string;
  readonly api: string;
};

const approvalPage = (page: Page, { name, address, purpose, token, api }: Wanted): string =>
  pageOf(
    page,
    "Connect a device",
    `<section id="asking">
<h1>Connect this device?</h1>
<dl>
<dt>Device</dt><dd>${escaped(name)}</dd>
<dt>Internet address</dt><dd>${escaped(address)}</dd>
<dt>It will be able to</dt><dd>${escaped(purpose)}</dd>
</dl>
<p class="warning">Go on only if you have just started this yourself, on your own device. If somebody has sent you this address, they would get into your account: close this page.</p>
<form id="approval" data-api="${escaped(api)}" data-token="${escaped(token)}">
<label>Email <input name="email" type="email" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<label id="second-factor" hidden>Code of your authenticator app, or a recovery code <input name="code" autocomplete="one-time-code" spellcheck="false"></label>
<p id="message" role="alert"></p>
<button id="approve">Sign in and connect</button>
<button id="passkey" type="button" hidden>Sign in with a passkey and connect</button>
</form>
<noscript><p class="warning">This page needs JavaScript.</p></noscript>
</section>
<section id="done" hidden>
<h1 tabindex="-1">The device is connected</h1>
<p>It goes on by itself; you can close this page. To disconnect it, sign out there, or revoke its API key, which is named “${escaped(name)}”.</p>
</section>
<script type="module" src="${escaped(page.base + at)}/device-page.js"></script>`,
  );

/** The page on which somebody signs in and lets a device act for them. It keeps nobody signed in. */
export const devicePage = (
  identity: Pick<Identity, "describeDeviceRequest">,
  { productName, apiPrefix }: { readonly productName: string; readonly apiPrefix: string },
): Door => {
  async function approval(token: string, base: string, context: Context): Promise<TextAnswer> {
    const parsed = Token.parse(token);
    const wanted = parsed.ok
      ? await identity.describeDeviceRequest({ token: parsed.value }, context)
      : parsed;
    const page = { productName, base };
    if (!wanted.ok) return html(404, voidPage(page));
    return html(200, approvalPage(page, { ...wanted.value, token, api: base + apiPrefix }));
  }
  return {
    name: "device-page",
    access: "public",
    path: at,
    methods: ["GET"],
    fileMethods: [],
    places: [1, 1],
    options: { allow: "GET" },
    answer: async (request, context) =>
      assets.get(request.path) ??
      approval(request.path.slice(1), request.at.slice(0, -at.length), context),
  };
};
