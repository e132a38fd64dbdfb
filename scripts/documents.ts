// npm run documents: writes the files that are made of the code. Tests fail where they differ.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { envExample } from "../src/platform/config/load.ts";
import { basalt } from "../src/composition.ts";

const root = path.resolve(import.meta.dirname, "..");
writeFileSync(path.join(root, ".env.example"), envExample(basalt.settings));
writeFileSync(
  path.join(root, "docs/asyncapi.json"),
  `${JSON.stringify(basalt.asyncApi(), undefined, 2)}\n`,
);
