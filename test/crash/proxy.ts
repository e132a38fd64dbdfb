import { rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The name of a server's socket in the folder that clients are told. Source: libpq. */
const socketIn = (folder: string, port: number) => path.join(folder, `.s.PGSQL.${port}`);

export type Proxy = AsyncDisposable & {
  /** Cuts every connection, now. */
  readonly cut: () => void;
  /** From now on, what comes is handed on after so many milliseconds. */
  readonly delay: (ms: number) => void;
};

type Sockets = {
  /** Folder where the server listens, and the one where the proxy does. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
};

/** Stands between Basalt and its Postgres, and loses or delays what they say to each other. */
export async function proxyOf({ from, to, port }: Sockets): Promise<Proxy> {
  const pairs = new Set<net.Socket>();
  let delayMs = 0;
  const join = (one: net.Socket, other: net.Socket) => {
    pairs.add(one);
    one.on("error", () => {});
    // However slow, what is said first arrives first.
    let before = Promise.resolve<unknown>(undefined);
    one.on("data", (chunk: Buffer) => {
      const arrival = sleep(delayMs);
      before = before.then(() => arrival).then(() => other.write(chunk));
    });
    one.on("close", () => {
      pairs.delete(one);
      other.destroy();
    });
  };
  const server = net.createServer((client) => {
    const upstream = net.connect(socketIn(from, port));
    join(client, upstream);
    join(upstream, client);
  });
  const place = socketIn(to, port);
  rmSync(place, { force: true });
  await new Promise<void>((resolve) => server.listen(place, resolve));
  const cut = () => {
    for (const socket of pairs) socket.destroy();
  };
  return {
    cut,
    delay: (ms) => void (delayMs = ms),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
