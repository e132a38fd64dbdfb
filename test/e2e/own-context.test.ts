import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { pino } from "pino";
import { compositionOf } from "#platform/process/composition.ts";
import type { Module } from "#platform/process/module.ts";
import { startBasalt } from "#platform/process/start.ts";
import { notes } from "../../examples/notes/module.ts";
import { modules } from "../../src/composition.ts";
import { postJson, scratch, settingsFor, signUp } from "../support/basalt.ts";
import { testDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";

const root = path.resolve(import.meta.dirname, "../..");
const others = modules.filter(({ name }) => name !== notes.name);
const composition = compositionOf([...others, notes]);

/** A Basalt with the example as a third context. */
async function serveNotes() {
  await using undo = new AsyncDisposableStack();
  const opened = undo.use(await testDatabase());
  const folder = undo.use(await scratch());
  const settings = composition.load(settingsFor(opened, folder));
  const log = pino({ level: "silent" });
  const { url } = undo.use(await startBasalt(composition, settings, log));
  const running = undo.move();
  return { url, opened, settings, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

test("a context from outside is served with one line in a composition", async () => {
  await using served = await serveNotes();
  const { url, opened, settings } = served;
  const [ada, bob] = [
    await signUp(served, "ada@example.com"),
    await signUp(served, "bob@example.com"),
  ];
  const written = await postJson(`${url}/api/v1/notes`, { text: "mine" }, ada.headers);
  assert.equal(written.status, 201);
  const note = (await written.json()) as { readonly authorId: string };

  const listed = `${url}/api/v1/authors/${note.authorId}/notes`;
  const own = await fetch(listed, { headers: ada.headers });
  assert.deepEqual(await own.json(), { items: [note] });
  assert.equal((await fetch(listed, { headers: bob.headers })).status, 403);
  assert.equal((await postJson(`${url}/api/v1/notes`, { text: "" }, ada.headers)).status, 400);

  const documents = await Promise.all(
    ["openapi", "asyncapi"].map(async (name) => (await fetch(`${url}/${name}.json`)).text()),
  );
  assert.match(documents[0] ?? "", /"\/api\/v1\/notes"/);
  assert.match(documents[1] ?? "", /notes\.note-written/);

  await until(async () => (await opened.sql("select from notes.tallies")).length === 1);
  const program = new Command();
  notes.addCommands(program, (work) => work(opened.database, settings, opened.connection));
  const said: string[] = [];
  const print = console.log;
  console.log = (line: string) => void said.push(line);
  try {
    await program.parseAsync(["notes", "tallies"], { from: "user" });
  } finally {
    console.log = print;
  }
  assert.deepEqual(said, [`${note.authorId}  1`]);
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
  const port = { env: "BASALT_NOTES_PORT", type: "integer", doc: "Another port" } as const;
  refuses({ settings: { port } }, /the setting port of notes exists already/);
});

test("the guide of an own context shows the example as it is", () => {
  const guide = readFileSync(path.join(root, "docs/guides/your-own-context.md"), "utf8");
  const shown = [...guide.matchAll(/^`(examples\/notes\/[^`]+)`[^\n]*\n\n```\w+\n([^]*?)^```$/gm)];
  assert.ok(shown.length >= 9, `${shown.length} files are shown`);
  for (const [, file = "", text] of shown)
    assert.equal(text, readFileSync(path.join(root, file), "utf8"), file);
});
