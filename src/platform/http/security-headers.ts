/** For JSON that no browser may frame, sniff, store or run. Source: OWASP REST cheat sheet. */
const everywhere = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
};

/** For a server that is reached over TLS, which it or a proxy in front of it ends. */
const overTls = (hstsSubdomains: boolean) => ({
  ...everywhere,
  "strict-transport-security": `max-age=31536000${hstsSubdomains ? "; includeSubDomains" : ""}`,
});

type Options = { readonly production: boolean; readonly hstsSubdomains: boolean };

export const securityHeaders = ({ production, hstsSubdomains }: Options) =>
  production ? overTls(hstsSubdomains) : everywhere;
