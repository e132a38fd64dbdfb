// npm run documents: writes the files that are made of the code. Tests fail where they differ.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { envExample } from "../src/platform/config/load.ts";
import { basalt } from "../src/composition.ts";
import { contextMap } from "./context-map.ts";

const root = path.resolve(import.meta.dirname, "..");
writeFileSync(path.join(root, ".env.example"), envExample(basalt.settings));
writeFileSync(
  path.join(root, "docs/asyncapi.json"),
  `${JSON.stringify(basalt.asyncApi("Basalt"), undefined, 2)}\n`,
);

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
