// Runs before every script, on whatever Node the machine has: installs what is missing.
// `npm ci` runs only when the lock file is another than the one that was installed last.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const stamp = path.join(root, "node_modules", ".installed-lock");
const wanted = createHash("sha256")
  .update(readFileSync(path.join(root, "package-lock.json")))
  .digest("hex");

const oldestNode = 20;
if (Number.parseInt(process.versions.node, 10) < oldestNode) {
  console.error(
    `Basalt needs Node ${oldestNode} or later to install its own; this is ${process.versions.node}.`,
  );
  process.exit(1);
}

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.error("Installing what Basalt needs (once, and after updates) …");
  // The pinned Node runs everything afterwards, so warnings about this one's version mislead.
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
    // A caller's own NODE_ENV=production would leave the pinned Node out.
    env: { ...process.env, NODE_ENV: "development" },
  });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
  writeFileSync(stamp, wanted);
}
