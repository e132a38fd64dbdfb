import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { postJson, signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { send } from "#test/http.ts";
import { serveWith } from "#test/module.ts";
import { until } from "#test/until.ts";
import { notes } from "../module.ts";

test("a user writes notes, which only they can list", async () => {
  await using served = await serveWith(notes);
  const { url } = served;
  const ada = await signUp(served, "ada@example.com");
  const bob = await signUp(served, "bob@example.com");
  await verify(served, "ada@example.com", ada); // roles count from then on
  await verify(served, "bob@example.com", bob);

  const written = await postJson(`${url}/api/v1/notes`, { text: "mine" }, ada.headers);

  assert.equal(written.status, 201);
  const note = (await written.json()) as { readonly id: string; readonly authorId: string };
  const listed = `${url}/api/v1/authors/${note.authorId}/notes`;
  const own = await fetch(listed, { headers: ada.headers });
  assert.deepEqual(await own.json(), { items: [note] });
  assert.equal((await fetch(listed, { headers: bob.headers })).status, 403);
  assert.equal((await fetch(listed)).status, 401);
  const rewriting = (headers: object) =>
    send("PATCH", `${url}/api/v1/notes/${note.id}`, headers, { text: "better" });
  const match = { "if-match": written.headers.get("etag") };
  assert.equal((await rewriting({ ...bob.headers, ...match })).status, 403);
  assert.equal((await rewriting({ ...ada.headers, ...match })).status, 200);
  assert.equal((await rewriting({ ...ada.headers, ...match })).status, 412, "it is stale by now");
  const empty = await postJson(`${url}/api/v1/notes`, { text: "" }, ada.headers);
  assert.equal(empty.status, 400);
});

test("notes are counted by the consumer, and the command prints the counts", async () => {
  await using served = await serveWith(notes);
  const { url, opened, settings } = served;
  const ada = await signUp(served, "ada@example.com");
  await verify(served, "ada@example.com", ada);
  const { headers, userId } = ada;
  await postJson(`${url}/api/v1/notes`, { text: "mine" }, headers);
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

  assert.deepEqual(said, [`${userId}  1`]);
});
