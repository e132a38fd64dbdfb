import assert from "node:assert/strict";

/** What a client of Nextcloud is told when it begins to connect. */
export type Begun = {
  readonly poll: { readonly token: string; readonly endpoint: string };
  readonly login: string;
};
export type Collected = {
  readonly server: string;
  readonly loginName: string;
  readonly appPassword: string;
};

export const desktopAgent = "Mozilla/5.0 (Linux) mirall/3.16.4 (Nextcloud)";

export async function beginLogin(url: string, agent = desktopAgent): Promise<Begun> {
  const begun = await fetch(`${url}/index.php/login/v2`, {
    method: "POST",
    headers: { "user-agent": agent },
  });
  assert.equal(begun.status, 200);
  return (await begun.json()) as Begun;
}

export const poll = ({ poll: { token, endpoint } }: Pick<Begun, "poll">): Promise<Response> =>
  fetch(endpoint, { method: "POST", body: new URLSearchParams({ token }) });

/** The header of requests with a password that was collected. */
export const basicOf = ({ loginName, appPassword }: Collected): string =>
  `Basic ${btoa(`${loginName}:${appPassword}`)}`;
