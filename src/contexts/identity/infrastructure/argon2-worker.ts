// Hashes where the system's scheduler prefers everybody else: a storm of sign-ins slows nothing but itself.
import { argon2Sync, type Argon2Parameters } from "node:crypto";
import os from "node:os";
import { parentPort } from "node:worker_threads";

const niceness = 10;

// Linux keeps a priority per thread, of which 0 names this one; elsewhere it would be the process.
if (process.platform === "linux" && os.getPriority() < niceness) os.setPriority(0, niceness);

parentPort?.on("message", (parameters: Argon2Parameters) => {
  parentPort?.postMessage(argon2Sync("argon2id", parameters), []);
});
