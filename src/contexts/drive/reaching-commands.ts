import { InvalidArgumentError, type Command } from "commander";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Output } from "#platform/console/output.ts";
import type { Runtime } from "#platform/runtime.ts";
import { connect, type Server } from "./client/server.ts";

export type Reaching = Output & { readonly server: string; readonly space?: string };

/** What a client is known by: an API key with the scopes `spaces:*` and `nodes:*`, or an access token. */
const credentialName = "BASALT_API_KEY";
const usualServer = "http://localhost:3000";

/** People write an address without its scheme, or with the path of the API. */
export function addressOf(typed: string): string {
  const url = URL.parse(/^https?:\/\//.test(typed) ? typed : `http://${typed}`);
  if (!url) throw new Error(`${typed} is no address of a server, such as ${usualServer}`);
  return url.href.replace(/(\/api\/v1)?\/*$/, "");
}

/** Paths begin with a slash and end with none, also where people type them otherwise. */
export const rooted = (typed: string): string => `/${typed.replace(/^\/+|\/+$/g, "")}`;

/** A command that talks to a server. */
export const reachingOn =
  (drive: Command) =>
  (name: string, does: string): Command =>
    drive
      .command(name)
      .description(does)
      .option("--server <url>", "the address of the server", usualServer)
      .option("--space <space>", "the name or the id of the space, where there are several")
      .option("--json", "print JSON")
      .addHelpText("after", `\n${credentialName} has to be an API key or an access token.`);

/** The server that a command talks to. */
export function reached(
  { timers, newId }: Runtime,
  { server: url }: Reaching,
  signal?: AbortSignal,
): Server {
  const credential = process.env[credentialName];
  if (!credential) throw new Error(`set ${credentialName} to an API key or an access token`);
  return connect({ url: addressOf(url), credential, timers, newId, ...(signal ? { signal } : {}) });
}

const spans: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Reads a time, or a span from now on or back. */
export const timeOf =
  (clock: Pick<Clock, "unixMs">, whither: "ago" | "ahead") =>
  (typed: string): Instant => {
    const [, count, unit = ""] = /^(\d{1,6})([smhdw])$/.exec(typed) ?? [];
    const ms = Number(count) * (spans[unit] ?? 0);
    if (count !== undefined)
      return Instant.fromUnixMs(clock.unixMs() + (whither === "ago" ? -ms : ms));
    const at = Instant.parse(typed);
    if (at.ok) return at.value;
    throw new InvalidArgumentError(
      "It is no time with its zone, such as 2026-01-31T12:00:00Z, and no span such as 1h.",
    );
  };
