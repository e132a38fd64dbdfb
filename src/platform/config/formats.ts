import { isIP } from "node:net";
import pgConnectionString from "pg-connection-string";
import { masterKeys } from "../secrets/secrets.ts";

/** Says what the text of a setting must be, where it is not that. */
export type Format = (text: string) => string | undefined;

/** An address of one of these protocols, of which the first is the example. */
export const address =
  (...protocols: readonly [string, ...string[]]): Format =>
  (text) =>
    URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1))
      ? undefined
      : `must be an address, as in ${protocols[0]}://host`;

/** The address of a Postgres server, or of its socket, as `pg` reads it. */
export const postgresAddress: Format = (text) => {
  const says = "must be an address, as in postgres://user:password@host:5432/basalt";
  if (!/^(postgres|postgresql|socket):/.test(text)) return says;
  try {
    return pgConnectionString.parse(text).database ? undefined : says;
  } catch {
    return says;
  }
};

const mailbox = /^[^\s<>@,;]+@[^\s<>@,;]+$/;

/** A sender, as in `Basalt <basalt@example.com>`. */
export const sender: Format = (text) => {
  const named = /^[^<>\r\n]{1,100}<([^<>]+)>$/.exec(text);
  return mailbox.test(named?.[1] ?? text) ? undefined : "must be as in Name <name@example.com>";
};

const ranges: ReadonlySet<string> = new Set(["loopback", "linklocal", "uniquelocal"]);

const isNetwork = (text: string): boolean => {
  const [ip = "", bits, ...more] = text.split("/");
  const most = isIP(ip) === 6 ? 128 : 32;
  const isMask = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  return ranges.has(text) || (isIP(ip) !== 0 && isMask && more.length === 0);
};

/** The number of trusted proxies, or their addresses and networks. */
export const proxies: Format = (text) =>
  text === "" || /^\d{1,3}$/.test(text) || text.split(",").every((one) => isNetwork(one.trim()))
    ? undefined
    : "must be a number, or addresses and networks, as in 10.0.0.0/8";

/** The start of a path without an end, as in `/api/v1`. */
export const pathPrefix: Format = (text) =>
  /^(\/[\w.~-]+)+$/.test(text) ? undefined : "must be the start of a path, as in /api/v1";

export const masterKey: Format = (text) => {
  try {
    masterKeys(text);
    return undefined;
  } catch (error) {
    return `is not valid: ${error instanceof Error ? error.message : String(error)}`;
  }
};
