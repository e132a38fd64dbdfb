// npm run documents: writes the files that are made of the code. Tests fail where they differ.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { envExample } from "../src/platform/config/load.ts";
import { asyncApiText } from "../src/documents.ts";
import { version } from "../src/main.ts";

const root = path.resolve(import.meta.dirname, "..");
writeFileSync(path.join(root, ".env.example"), envExample());
writeFileSync(path.join(root, "docs/asyncapi.json"), asyncApiText(version));
