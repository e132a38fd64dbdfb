// npm run documents: writes the files that are made of the code. Tests fail where they differ.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { envExample } from "../src/platform/config/load.ts";
import { basalt } from "../src/composition.ts";
import { changedEvents, type EventDocument } from "./changed-events.ts";
import { contextMap } from "./context-map.ts";

const root = path.resolve(import.meta.dirname, "..");
const asyncApiFile = path.join(root, "docs/asyncapi.json");
const asyncApi = basalt.asyncApi("Basalt") as EventDocument;
const changed = changedEvents(
  JSON.parse(readFileSync(asyncApiFile, "utf8")) as EventDocument,
  asyncApi,
);
if (changed.length > 0 && !process.argv.includes("--changed-events")) {
  console.error(
    `These events of docs/asyncapi.json are gone, or have another payload under the same version: ${changed.join(", ")}.
Old events in a log could not be read. Keep the declaration of an event that is no longer written. Raise the version of one that changes, and add an upcaster
(docs/guides/your-own-context.md, "Changing an event"). If no log holds such events yet:
npm run documents -- --changed-events`,
  );
  process.exit(1);
}

writeFileSync(path.join(root, ".env.example"), envExample(basalt.settings));
writeFileSync(asyncApiFile, `${JSON.stringify(asyncApi, undefined, 2)}\n`);

/** Below each line that begins with the path of a file stands that file. */
const guide = path.join(root, "docs/guides/your-own-context.md");
const shown = /^(`(examples\/[^`]+)`[^\n]*\n\n```\w+\n)[^]*?^```$/gm;
writeFileSync(
  guide,
  readFileSync(guide, "utf8").replaceAll(
    shown,
    (_, before: string, file: string) =>
      `${before}${readFileSync(path.join(root, file), "utf8")}\`\`\``,
  ),
);

const map = path.join(root, "docs/context-map.md");
writeFileSync(map, contextMap(readFileSync(map, "utf8")));

const shell = process.platform === "win32";
const formatted = spawnSync("oxfmt", ["docs"], { cwd: root, stdio: "inherit", shell });
process.exitCode = formatted.status ?? 1;
