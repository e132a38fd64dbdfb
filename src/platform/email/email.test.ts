import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import PostalMime from "postal-mime";
import { scratch } from "#test/basalt.ts";
import { emailOf, smtpInbox, type Verdict } from "#test/smtp.ts";
import { Deferred, Unavailable } from "../unavailable.ts";
import { emailContract } from "./email.contract.ts";
import { memoryEmail } from "./memory-email.ts";
import { fileEmail, smtpEmail } from "./nodemailer-email.ts";

const from = "Basalt <no-reply@example.com>";
const email = { id: "evt_1", to: "ada@example.com", subject: "Welcome", text: "Hello\n" };

emailContract("memory", async () => {
  const { send, arrived } = memoryEmail();
  return { send, arrived: async () => arrived(), async [Symbol.asyncDispose]() {} };
});

emailContract("file", async () => {
  const folder = await scratch();
  return {
    send: fileEmail(folder.path, from),
    async arrived() {
      const files = (await readdir(folder.path)).map((name) => path.join(folder.path, name));
      return Promise.all(
        files.map(async (file) => emailOf(await PostalMime.parse(await readFile(file)))),
      );
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

emailContract("SMTP", async () => {
  await using undo = new AsyncDisposableStack();
  const inbox = undo.use(await smtpInbox());
  const send = undo.use(smtpEmail({ url: inbox.url, from, maxConnections: 4 }));
  const opened = undo.move();
  return {
    send,
    async arrived() {
      for (const receivers of inbox.envelopes) assert.deepEqual(receivers, [email.to]);
      return [...inbox.emails.values()];
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});

test("an email in a file is for its owner's eyes, and stays in its folder", async () => {
  await using folder = await scratch();
  const inside = path.join(folder.path, "email");
  await fileEmail(inside, from)({ ...email, id: "../../outside" });
  assert.deepEqual(await readdir(inside), ["outside.eml"]);
  if (process.platform !== "win32")
    assert.equal((await stat(path.join(inside, "outside.eml"))).mode & 0o077, 0);
});

type Stage = "connection" | "sender" | "receiver" | "message";
type Kind = "unavailable" | "deferred" | "refused";

/** At each stage of a delivery: what the server says, and what that means. */
const answers: readonly (readonly [Stage, Verdict, Kind])[] = [
  ["connection", { code: 421, text: "too many connections" }, "unavailable"],
  ["sender", { code: 421, text: "closing" }, "unavailable"],
  ["sender", { code: 451, text: "too many messages, slow down" }, "unavailable"],
  ["sender", { code: 550, text: "we know nobody of that name" }, "unavailable"],
  ["receiver", { code: 421, text: "closing" }, "deferred"],
  ["receiver", { code: 450, text: "greylisted, come again" }, "deferred"],
  ["receiver", { code: 452, text: "mailbox full" }, "deferred"],
  ["receiver", { code: 550, text: "no such user" }, "refused"],
  ["message", { code: 421, text: "closing" }, "deferred"],
  ["message", { code: 452, text: "out of storage" }, "deferred"],
  ["message", { code: 554, text: "looks like spam" }, "refused"],
  ["message", "hang-up", "unavailable"],
];

const kindOf = (error: unknown): Kind =>
  error instanceof Unavailable ? "unavailable" : error instanceof Deferred ? "deferred" : "refused";

for (const [stage, verdict, kind] of answers)
  test(`an answer of ${verdict === "hang-up" ? verdict : verdict?.code} to the ${stage} means ${kind}`, async () => {
    await using inbox = await smtpInbox();
    inbox.verdicts = { [stage]: () => verdict };
    await using send = smtpEmail({ url: inbox.url, from, maxConnections: 1 });
    await assert.rejects(send(email), (error: unknown) => {
      assert.ok(error instanceof Error);
      assert.equal(kindOf(error), kind, String(error));
      return true;
    });
    assert.equal(inbox.emails.size, 0);
    inbox.verdicts = {};
    await send(email);
    assert.equal(inbox.emails.size, 1);
  });

test("a server that falls silent with the email in its hands is asked again later, and stops no other email", async () => {
  await using inbox = await smtpInbox();
  inbox.takesMs = 2_000;
  await using send = smtpEmail({ url: inbox.url, from, maxConnections: 1, silenceMs: 200 });
  await assert.rejects(send(email), Deferred);
  inbox.takesMs = 0;
  await send(email);
});

test("while nobody listens, sending is Unavailable; when the server is back, it works", async () => {
  const gone = await smtpInbox();
  await gone[Symbol.asyncDispose]();
  await using send = smtpEmail({ url: gone.url, from, maxConnections: 4 });
  await assert.rejects(send(email), Unavailable);

  await using inbox = await smtpInbox();
  await using again = smtpEmail({ url: inbox.url, from, maxConnections: 4 });
  await again(email);
  assert.equal(inbox.emails.size, 1);
});
