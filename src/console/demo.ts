import { once } from "node:events";
import { InvalidArgumentError, type Command } from "commander";
import { alpacaServer, someMonths } from "#test/alpaca.ts";

const [firstPort, lastPort, usualPort] = [1, 65_535, 4010];

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= firstPort && port <= lastPort) return port;
  throw new InvalidArgumentError(`must be a whole number from ${firstPort} to ${lastPort}`);
}

/** Adds the command that runs servers in place of providers. */
export function addDemoCommands(basalt: Command): void {
  basalt
    .command("demo")
    .description("Run stand-ins for outside services, to try Basalt without accounts there")
    .command("providers")
    .description(
      "Run a server on this machine that answers as Alpaca does, until Ctrl-C; it prints its key, and the BASALT_ALPACA_URL to start Basalt with",
    )
    .option("--port <n>", "port to listen on", portOf, usualPort)
    .action(async ({ port }: { readonly port: number }) => {
      await using server = await alpacaServer(port).catch((error: NodeJS.ErrnoException) => {
        const isTaken = error.code === "EADDRINUSE";
        throw isTaken ? new Error(`port ${port} is taken; choose another one with --port`) : error;
      });
      server.activities.push(...someMonths(new Date()));
      const body = JSON.stringify({ provider: "alpaca", keys: server.keys });
      console.log(
        `Alpaca's stand-in listens at ${server.url}. Start Basalt with\n` +
          `  BASALT_ALPACA_URL=${server.url} npm start\n` +
          `and connect it, with an access token of a user:\n` +
          `  curl -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\\n` +
          `    -d '${body}' http://127.0.0.1:3000/api/v1/connections`,
      );
      const stop = new AbortController();
      await Promise.race([
        once(process, "SIGINT", { signal: stop.signal }),
        once(process, "SIGTERM", { signal: stop.signal }),
      ]);
      stop.abort();
    });
}
