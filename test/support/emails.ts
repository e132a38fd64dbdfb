import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import PostalMime from "postal-mime";
import { postJson, type Served, type SignedIn } from "./basalt.ts";

/** The emails that a Basalt has written into its folder. */
export async function emailsIn(folder: string) {
  const place = path.join(folder, "email");
  const all = await readdir(place).catch(() => []);
  const files = all.filter((file) => file.endsWith(".eml")); // others are being written
  return Promise.all(
    files.map(async (file) => {
      const parsed = await PostalMime.parse(await readFile(path.join(place, file)));
      return { subject: parsed.subject, to: parsed.to?.[0]?.address, text: parsed.text ?? "" };
    }),
  );
}

/** The token in the text of an email. */
export const tokenIn = (text = ""): string | undefined =>
  /basalt_\w+\.[\w-]+\.[\w-]+/.exec(text)?.[0];

/** The token in an email with this subject, once it is there; of one receiver, if one is named. */
export async function tokenFrom(folder: string, subject: string, to?: string): Promise<string> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    const sent = (await emailsIn(folder)).filter((email) => to === undefined || email.to === to);
    const found = sent.find((email) => email.subject === subject);
    const token = tokenIn(found?.text);
    if (token) return token;
  }
  throw new Error(`no email "${subject}"`);
}

/** Shows that the address of a user who has just signed up is theirs. */
export async function verify(
  { url, folder }: Pick<Served, "url" | "folder">,
  email: string,
  { headers }: Pick<SignedIn, "headers">,
): Promise<void> {
  const token = await tokenFrom(folder, "Welcome to Basalt", email);
  const answer = await postJson(`${url}/api/v1/verified-emails`, { token }, headers);
  assert.equal(answer.status, 204);
}
