import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import PostalMime from "postal-mime";
import { scratch } from "../../../test/support/basalt.ts";
import { emailOf, smtpInbox, type Verdict } from "../../../test/support/smtp.ts";
import { Unavailable } from "../unavailable.ts";
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
  const send = undo.use(smtpEmail(inbox.url, from));
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

const refusals: readonly (readonly [string, Verdict, boolean])[] = [
  ["refuses it for good", { code: 550, text: "no such user" }, false],
  ["puts it off", { code: 451, text: "greylisted, come again" }, false],
  ["shuts down", { code: 421, text: "closing" }, true],
  ["hangs up midway", "hang-up", true],
];

for (const [what, verdict, unavailable] of refusals)
  test(`where the SMTP server ${what}, ${unavailable ? "all emails wait" : "only this email fails"}`, async () => {
    await using inbox = await smtpInbox();
    inbox.verdict = () => verdict;
    await using send = smtpEmail(inbox.url, from);
    const failure: unknown = await send(email).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(failure instanceof Error);
    assert.equal(failure instanceof Unavailable, unavailable, String(failure));
    assert.equal(inbox.emails.size, 0);
  });

test("where the SMTP server takes nothing from us now, all emails wait", async () => {
  await using inbox = await smtpInbox();
  inbox.senderVerdict = () => ({ code: 451, text: "too many messages, slow down" });
  await using send = smtpEmail(inbox.url, from);
  await assert.rejects(send(email), Unavailable);
  inbox.senderVerdict = () => undefined;
  await send(email);
  assert.equal(inbox.emails.size, 1);
});

test("while nobody listens, sending is Unavailable; when the server is back, it works", async () => {
  const gone = await smtpInbox();
  await gone[Symbol.asyncDispose]();
  await using send = smtpEmail(gone.url, from);
  await assert.rejects(send(email), Unavailable);

  await using inbox = await smtpInbox();
  await using again = smtpEmail(inbox.url, from);
  await again(email);
  assert.equal(inbox.emails.size, 1);
});
