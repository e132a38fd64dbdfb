import { spawnSync } from "node:child_process";
import { globalSetup as ownSetup } from "./global-setup.ts";

export { globalTeardown } from "./global-setup.ts";

/** Clients that the tests of the doors run, by the names of their Debian packages. */
const packages = [
  "litmus",
  "rclone",
  "curl",
  "davfs2",
  "rsync",
  "sqlite3",
  "nextcloud-desktop-cmd",
  "chromium",
];

/** A client that cannot be had is a failure: its tests would show nothing. */
function install(names: readonly string[]): void {
  const run = (...[command = "", ...args]: readonly string[]) =>
    spawnSync(command, args, {
      encoding: "utf8",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  const missing = names.filter((name) => run("dpkg", "-s", name).status !== 0);
  if (missing.length === 0) return;
  run("apt-get", "update", "-qq");
  const installed = run("apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing);
  if (installed.status !== 0)
    throw new Error(`${missing.join(" ")} could not be installed: ${installed.stderr}`);
}

/** The database of other tests, and the programs that are let at the doors. */
export async function globalSetup(): Promise<void> {
  install(packages);
  await ownSetup();
}
