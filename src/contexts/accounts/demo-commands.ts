import { once } from "node:events";
import { InvalidArgumentError, type Command } from "commander";
import type { Runtime } from "#platform/runtime.ts";
import { alpacaServer, someMonths } from "./infrastructure/stand-ins/alpaca.ts";
import { savings, schwabServer } from "./infrastructure/stand-ins/schwab.ts";

const [firstPort, lastPort, usualPort] = [1, 65_535, 4010];

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= firstPort && port <= lastPort) return port;
  throw new InvalidArgumentError(`must be a whole number from ${firstPort} to ${lastPort}`);
}

function addressOf(text: string): string {
  if (!URL.canParse(text))
    throw new InvalidArgumentError("must be a URL, as in http://127.0.0.1:3000");
  return new URL(text).origin;
}

/** A server on a port. A port that is taken is told as such. */
const listening = <S>(port: number, server: Promise<S>): Promise<S> =>
  server.catch((error: NodeJS.ErrnoException) => {
    const isTaken = error.code === "EADDRINUSE";
    throw isTaken ? new Error(`port ${port} is taken; choose another one with --port`) : error;
  });

/** Adds the command that runs servers in place of providers. */
export function addDemoCommands(basalt: Command, { clock }: Pick<Runtime, "clock">): void {
  basalt
    .command("demo")
    .description("Run stand-ins for outside services, to try Basalt without accounts there")
    .command("providers")
    .description(
      "Run servers on this machine that answer as Alpaca and Schwab do, until Ctrl-C; it prints the settings to start Basalt with, and how to connect",
    )
    .option("--port <n>", "port of Alpaca's server; Schwab's is on the next one", portOf, usualPort)
    .option("--basalt <url>", "where Basalt will answer", addressOf, "http://127.0.0.1:3000")
    .action(async ({ port, basalt: at }: { readonly port: number; readonly basalt: string }) => {
      await using alpaca = await listening(port, alpacaServer(port));
      await using schwab = await listening(port + 1, schwabServer({ clock, port: port + 1 }));
      alpaca.activities.push(...someMonths(new Date(clock.unixMs())));
      alpaca.positions.push({
        symbol: "AAPL",
        qty: "3.75",
        market_value: "702.38",
        cost_basis: "680.25",
        side: "long",
      });
      schwab.positions.push({
        instrument: { assetType: "COLLECTIVE_INVESTMENT", symbol: "SCHB" },
        longQuantity: 30,
        averagePrice: 24.05,
        marketValue: 735.6,
      });
      schwab.transactions.set("12345678", savings(new Date(clock.unixMs())));
      schwab.app.redirectUrl = `${at}/connected`;
      const keys = JSON.stringify({ provider: "alpaca", keys: alpaca.keys });
      const curl = `  curl -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\\n`;
      const connections = `${at}/api/v1/connections`;
      console.log(
        `Alpaca's stand-in listens at ${alpaca.url}, and Schwab's at ${schwab.url}. Start Basalt with\n` +
          `  BASALT_ALPACA_URL=${alpaca.url} BASALT_SCHWAB_URL=${schwab.url} \\\n` +
          `  BASALT_SCHWAB_APP_KEY=${schwab.app.key} BASALT_SCHWAB_APP_SECRET=${schwab.app.secret} \\\n` +
          `  BASALT_SCHWAB_REDIRECT_URL=${schwab.app.redirectUrl} PORT=${new URL(at).port || "80"} npm start\n` +
          `and connect them, with an access token of a user:\n` +
          `${curl}    -d '${keys}' ${connections}\n` +
          `${curl}    -d '{"provider":"schwab"}' ${connections}\n` +
          `Open \`signInAt\` of the second answer in a browser, and send \`state\` and \`code\` of the address that you come to:\n` +
          `${curl}    -d '{"state":"…","code":"…"}' ${connections}/callback`,
      );
      const stop = new AbortController();
      await Promise.race([
        once(process, "SIGINT", { signal: stop.signal }),
        once(process, "SIGTERM", { signal: stop.signal }),
      ]);
      stop.abort();
    });
}
