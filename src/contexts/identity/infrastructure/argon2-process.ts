// Hashes in a process that the system's scheduler prefers everybody else to: a storm of sign-ins slows
// nothing but itself. A thread would share the server's page tables, which each hash changes.
import { argon2Sync, type Argon2Parameters } from "node:crypto";
import os from "node:os";

os.setPriority(os.constants.priority.PRIORITY_LOW);

// A console sends them to all its processes: the server ends this one after the last hash.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

process.on("message", (parameters: Argon2Parameters) => {
  process.send?.(argon2Sync("argon2id", parameters));
});
