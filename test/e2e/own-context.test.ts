import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { compositionOf } from "#platform/process/composition.ts";
import { consume } from "#platform/process/parts.ts";
import { consumer } from "#platform/events/consumer.ts";
import { identityEvents } from "#contexts/identity";
import type { Module } from "#platform/process/module.ts";
import { notes } from "../../examples/notes/module.ts";
import { modules } from "../../src/composition.ts";
import { serveWith } from "#test/module.ts";

const root = path.resolve(import.meta.dirname, "../..");
const others = modules.filter(({ name }) => name !== notes.name);

test("a context from outside is served with one line in a composition", async () => {
  await using served = await serveWith(notes);
  const [openApi, asyncApi] = await Promise.all(
    ["openapi", "asyncapi"].map(async (name) => (await fetch(`${served.url}/${name}.json`)).text()),
  );
  assert.match(openApi ?? "", /"\/api\/v1\/notes"/);
  assert.match(asyncApi ?? "", /notes\.note-written/);
});

test("modules that do not fit together are refused by name", () => {
  const refuses = (misfit: Partial<Module>, why: RegExp) =>
    assert.throws(() => compositionOf([...others, { ...notes, ...misfit }]), why);
  assert.throws(
    () => compositionOf([notes, ...others]),
    /the module notes needs identity, which does not come before it/,
  );
  refuses({ name: "identity" }, /two modules are named identity/);
  for (const name of ["audit", "Notes", "my-notes", "pg_notes", "", "x; drop schema identity"])
    refuses({ name }, /a module cannot be named/);
  refuses({ events: identityEvents }, /event identity\.user-registered of notes must be named/);
  const port = { env: "BASALT_NOTES_PORT", type: "integer", doc: "Another port" } as const;
  const misspelt = { ...notes.grants, member: ["notes:raed:own"] };
  refuses({ grants: misspelt }, /notes grants notes:raed:own, which no use case asks for/);
  refuses({ settings: { port } }, /the setting port of notes exists already/);
});

test("a consumer that would read the log of another context is refused by name", async () => {
  const leavers = consumer({ name: "notes.leavers", events: identityEvents, on: {} });
  const misled: Module = {
    ...notes,
    async compose(parts) {
      const working = { schema: "notes", scope: () => ({}), onAppended() {} };
      consume(parts, { ...working, consumers: [leavers] });
      return { routes: [], provides: {} };
    },
  };
  await assert.rejects(
    serveWith(misled),
    /notes\.leavers takes events of identity, and would read the log of notes/,
  );
});

test("the guide of an own context shows the example as it is", () => {
  const guide = readFileSync(path.join(root, "docs/guides/your-own-context.md"), "utf8");
  const shown = [...guide.matchAll(/^`(examples\/notes\/[^`]+)`[^\n]*\n\n```\w+\n([^]*?)^```$/gm)];
  assert.ok(shown.length >= 9, `${shown.length} files are shown`);
  for (const [, file = "", text] of shown)
    assert.equal(text, readFileSync(path.join(root, file), "utf8"), file);
});
