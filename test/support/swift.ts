// A real server that speaks S3: OpenStack Swift with one node and one copy of everything, on the loopback.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { freePort } from "./ports.ts";
import { until } from "./until.ts";

const packages = "swift-proxy swift-account swift-container swift-object memcached";
const user = { id: "basalt:tests", secret: "secret" };
const parts = ["account", "container", "object"] as const;
type Ports = Readonly<Record<(typeof parts)[number] | "proxy" | "memcached", number>>;

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

const ini = (sections: Readonly<Record<string, Readonly<Record<string, string | number>>>>) =>
  Object.entries(sections)
    .map(([name, lines]) =>
      [`[${name}]`, ...Object.entries(lines).map(([key, value]) => `${key} = ${value}`)].join("\n"),
    )
    .join("\n\n");

const serverIn = (folder: string, port: number) => ({
  bind_ip: "127.0.0.1",
  bind_port: port,
  user: os.userInfo().username,
  swift_dir: folder,
  devices: path.join(folder, "devices"),
  mount_check: "false",
  workers: 0,
  log_address: path.join(folder, "no-syslog"),
});

function configure(folder: string, ports: Ports): void {
  const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text);
  mkdirSync(path.join(folder, "devices/one"), { recursive: true });
  write(
    "swift.conf",
    ini({
      "swift-hash": { swift_hash_path_prefix: "before", swift_hash_path_suffix: "after" },
      "storage-policy:0": { name: "one", default: "yes" },
    }),
  );
  for (const part of parts) {
    const ring = path.join(folder, `${part}.builder`);
    for (const args of [
      ["create", "4", "1", "0"],
      ["add", `r1z1-127.0.0.1:${ports[part]}/one`, "1"],
      ["rebalance"],
    ])
      spawnSync("swift-ring-builder", [ring, ...args]);
    write(
      `${part}.conf`,
      ini({
        DEFAULT: serverIn(folder, ports[part]),
        "pipeline:main": { pipeline: `${part}-server` },
        [`app:${part}-server`]: { use: `egg:swift#${part}` },
      }),
    );
  }
  const filters = ["catch_errors", "gatekeeper", "cache", "listing_formats", "s3api", "tempauth"];
  const options: Readonly<Record<string, object>> = {
    cache: { memcache_servers: `127.0.0.1:${ports.memcached}` },
    s3api: { location: "us-east-1", allow_multipart_uploads: "false", check_bucket_owner: "false" },
    tempauth: { [`user_${user.id.replace(":", "_")}`]: `${user.secret} .admin` },
  };
  const eggs: Readonly<Record<string, string>> = { cache: "memcache" };
  write(
    "proxy.conf",
    ini({
      DEFAULT: serverIn(folder, ports.proxy),
      "pipeline:main": { pipeline: [...filters, "proxy-server"].join(" ") },
      "app:proxy-server": { use: "egg:swift#proxy", account_autocreate: "true" },
      ...Object.fromEntries(
        filters.map((name) => [
          `filter:${name}`,
          { use: `egg:swift#${eggs[name] ?? name}`, ...options[name] },
        ]),
      ),
    }),
  );
}

/** Starts it. `url`: as in http://key:secret@127.0.0.1:8080. */
export async function startSwift(): Promise<AsyncDisposable & { readonly url: string }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "basalt-swift-"));
  const names = [...parts, "proxy", "memcached"] as const;
  const numbers = await Promise.all(names.map(freePort));
  const ports = Object.fromEntries(names.map((name, i) => [name, numbers[i]])) as Ports;
  configure(folder, ports);
  const log = openSync(path.join(folder, "log"), "a");
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // once it runs, nobody waits for it
  const start = (program: string, ...args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", log, log] });
    child.once("error", () =>
      failed.reject(new Error(`${program} is missing: install ${packages}`)),
    );
    child.once("exit", () => failed.reject(new Error(`${program} has ended: see ${folder}/log`)));
    return child;
  };
  const memcached = ["-u", os.userInfo().username, "-l", "127.0.0.1", "-p", `${ports.memcached}`];
  const running = [
    start("memcached", ...memcached),
    ...([...parts, "proxy"] as const).map((name) => start(`swift-${name}-server`, `${name}.conf`)),
  ];
  const all = numbers.map((port) => until(() => listens(port)));
  await Promise.race([Promise.all(all), failed.promise]);
  return {
    url: `http://${encodeURIComponent(user.id)}:${user.secret}@127.0.0.1:${ports.proxy}`,
    async [Symbol.asyncDispose]() {
      for (const child of running) {
        const gone = once(child, "exit");
        if (child.kill()) await gone;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
