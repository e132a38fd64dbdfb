import assert from "node:assert/strict";
import path from "node:path";
import { afterEach, test } from "node:test";
import { localPath } from "./local-path.ts";

const { npm_lifecycle_event: script, INIT_CWD: called } = process.env;
afterEach(() => {
  Object.assign(process.env, { npm_lifecycle_event: script ?? "", INIT_CWD: called ?? "" });
});

test("paths are meant from where a command was called, also by way of npm", () => {
  Object.assign(process.env, { npm_lifecycle_event: "basalt", INIT_CWD: "/home/ada" });
  assert.equal(localPath("photos"), path.resolve("/home/ada/photos"));
  assert.equal(localPath("/etc/hosts"), path.resolve("/etc/hosts"));
  assert.equal(localPath("-"), "-");
  process.env["npm_lifecycle_event"] = "test";
  assert.equal(localPath("photos"), path.resolve("photos"), "another script has called it");
});
