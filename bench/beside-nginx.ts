// What the drive and its doors are measured beside: nginx with WebDAV (unflushed), and loads that both get.
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "#test/ports.ts";

export const mebibytes = 256;
export const rounds = 3;
export const small = { files: 1_000, bytes: 4_096, atOnce: 8 };

const run = promisify(execFile);

/** What nginx needs to answer PROPFIND, on Debian. */
const propfindModule = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so";

/** nginx with WebDAV in a scratch folder; undefined where it is not installed. */
export async function nginx(
  folder: string,
): Promise<
  (AsyncDisposable & { readonly url: string; readonly knowsPropfind: boolean }) | undefined
> {
  if (spawnSync("nginx", ["-v"]).error) return undefined;
  const port = await freePort();
  mkdirSync(path.join(folder, "files"), { recursive: true });
  const config = path.join(folder, "nginx.conf");
  const knowsPropfind = existsSync(propfindModule);
  const [load, methods] = knowsPropfind
    ? [`load_module ${propfindModule};`, "dav_ext_methods PROPFIND;"]
    : ["", ""];
  const user = process.getuid?.() === 0 ? "user root;" : "";
  writeFileSync(
    config,
    `${load} ${user} worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log; daemon off;
     events {} http { access_log off; client_max_body_size 0; client_body_temp_path ${folder}/body; sendfile on;
     server { listen 127.0.0.1:${port}; root ${folder}/files; dav_methods PUT DELETE MKCOL; ${methods} } }`,
  );
  const child = spawn("nginx", ["-c", config, "-p", folder], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(url).catch(() => undefined))) await sleep(50);
  return {
    url,
    knowsPropfind,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** MiB/s of a transfer by curl, which is given the last part of its arguments. */
export async function rate(args: readonly string[]): Promise<number> {
  const begun = performance.now();
  await run("curl", ["-sSf", "-H", "expect:", ...args]);
  return mebibytes / ((performance.now() - begun) / 1_000);
}

/** Requests a second, some at once. */
export async function storm(ask: (n: number) => Promise<Response>): Promise<number> {
  const begun = performance.now();
  let next = 0;
  const one = async () => {
    for (let n = (next += 1); n <= small.files; n = next += 1) {
      const answer = await ask(n);
      if (!answer.ok) throw new Error(await answer.text());
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: small.atOnce }, one));
  return small.files / ((performance.now() - begun) / 1_000);
}
