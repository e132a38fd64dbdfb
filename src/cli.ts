#!/usr/bin/env node
// The first file of the process: it only turns the compile cache on before all others are loaded.
import { enableCompileCache } from "node:module";

enableCompileCache();
const { run } = await import("./console/commands.ts");
await run(process.argv);
