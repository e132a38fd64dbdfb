import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Transporter } from "nodemailer";
import { Unavailable } from "../unavailable.ts";
import type { Email, SendEmail } from "./email.ts";

const timeoutMs = 10_000;

const messageOf = (from: string, { id, to, subject, text }: Email) => ({
  from,
  to: { name: "", address: to }, // as an object, an address cannot smuggle in a second one
  subject,
  text,
  messageId: `<${id}@basalt>`,
  disableFileAccess: true,
  disableUrlAccess: true,
});

/** Writes each email to `<folder>/<id>.eml`: the default where no SMTP server is configured. */
export function fileEmail(folder: string, from: string): SendEmail {
  return async (email) => {
    const { createTransport } = await import("nodemailer");
    const composer = createTransport({ streamTransport: true, buffer: true });
    const { message } = await composer.sendMail(messageOf(from, email));
    const file = path.join(folder, `${path.basename(email.id)}.eml`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.part`, message as Buffer, { mode: 0o600 });
    await rename(`${file}.part`, file);
  };
}

/** Hands emails to an SMTP server over pooled connections. */
export function smtpEmail(url: string, from: string): SendEmail & AsyncDisposable {
  let transport: Promise<Transporter> | undefined;
  const connect = async (): Promise<Transporter> => {
    const { createTransport } = await import("nodemailer");
    const parsed = new URL(url);
    for (const name of ["connectionTimeout", "greetingTimeout", "socketTimeout"])
      parsed.searchParams.set(name, String(timeoutMs));
    parsed.searchParams.set("pool", "true");
    return createTransport(parsed.href);
  };
  const send: SendEmail = async (email) => {
    transport ??= connect();
    try {
      await (await transport).sendMail(messageOf(from, email));
    } catch (error) {
      throw isOutage(error)
        ? new Unavailable("The SMTP server does not take email now", { cause: error })
        : error;
    }
  };
  return Object.assign(send, {
    async [Symbol.asyncDispose]() {
      (await transport)?.close();
    },
  });
}

/** Closing, and out of storage: the service's trouble at whatever point (RFC 5321, 4.2.3). */
const serviceTrouble = new Set([421, 452]);

/** What a server says before it knows the receiver, and what the network does, meets all emails. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "responseCode" in error ? Number(error.responseCode) : undefined;
  if (code !== undefined && serviceTrouble.has(code)) return true;
  const command = "command" in error ? String(error.command) : "";
  const ofThisEmail = code !== undefined && (command === "RCPT TO" || command === "DATA");
  return !ofThisEmail && "code" in error && error.code !== "EMESSAGE";
}
