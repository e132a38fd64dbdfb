import { rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The name of a server's socket in the folder that clients are told. Source: libpq. */
export const socketIn = (folder: string, port: number) => path.join(folder, `.s.PGSQL.${port}`);

export type Proxy = AsyncDisposable & {
  /** Where it listens, where that is no socket. */
  readonly port: number;
  /** Cuts every connection, now. */
  readonly cut: () => void;
  /** From now on, what comes is handed on after so many milliseconds. */
  readonly delay: (ms: number) => void;
  /** Loses the next thing that a client asks, or the answer to it, and cuts its connection. */
  readonly lose: (what: "request" | "answer" | undefined) => void;
};

type Ends = {
  readonly server: { readonly host: string; readonly port: number };
  readonly listen: net.ListenOptions;
};

/** Stands between Basalt and its Postgres, and loses or delays what they say to each other. */
export async function proxyOf({ server: { host, port }, listen }: Ends): Promise<Proxy> {
  const pairs = new Set<net.Socket>();
  let delayMs = 0;
  let loss: "request" | "answer" | undefined;
  const join = (one: net.Socket, other: net.Socket, onData: (chunk: Buffer) => boolean) => {
    pairs.add(one);
    one.on("error", () => {});
    // However slow, what is said first arrives first.
    let before = Promise.resolve<unknown>(undefined);
    one.on("data", (chunk: Buffer) => {
      if (!onData(chunk)) {
        one.destroy();
        return;
      }
      const arrival = sleep(delayMs);
      before = before.then(() => arrival).then(() => other.write(chunk));
    });
    one.on("close", () => {
      pairs.delete(one);
      other.destroy();
    });
  };
  const proxy = net.createServer((client) => {
    const upstream = net.connect(
      host.startsWith("/") ? { path: socketIn(host, port) } : { host, port },
    );
    let losesAnswer = false;
    join(client, upstream, () => {
      const lost = loss;
      loss = undefined;
      losesAnswer ||= lost === "answer";
      return lost !== "request";
    });
    join(upstream, client, () => !losesAnswer);
  });
  if (listen.path !== undefined) rmSync(listen.path, { force: true });
  await new Promise<void>((resolve) => proxy.listen(listen, resolve));
  const address = proxy.address();
  const cut = () => {
    for (const socket of pairs) socket.destroy();
  };
  return {
    port: typeof address === "object" && address ? address.port : 0,
    cut,
    delay: (ms) => void (delayMs = ms),
    lose: (what) => void (loss = what),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
