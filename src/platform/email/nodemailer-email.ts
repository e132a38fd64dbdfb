import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Transporter } from "nodemailer";
import { Deferred, Unavailable } from "../unavailable.ts";
import type { Email, SendEmail } from "./email.ts";

const connectWithinMs = 10_000;
/** How long a server may be silent once it has greeted: a little less than the handler of an event may take. */
const usualSilenceMs = 25_000;

const messageOf = (from: string, { id, to, subject, text }: Email) => ({
  from,
  to: { name: "", address: to }, // as an object, an address cannot smuggle in a second one
  subject,
  text,
  messageId: `<${id}@basalt>`,
  disableFileAccess: true,
  disableUrlAccess: true,
});

const inOneLine = (text: string) => text.replaceAll(/[\r\n]+/g, " ");

/** An email that people can read and copy from: its text is not encoded (RFC 6532). */
const readable = (from: string, { id, to, subject, text }: Email): string =>
  [
    `From: ${inOneLine(from)}`,
    `To: ${inOneLine(to)}`,
    `Subject: ${inOneLine(subject)}`,
    `Message-ID: <${inOneLine(id)}@basalt>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    text,
  ].join("\n");

/** Writes each email to `<folder>/<id>.eml`: the default where no SMTP server is configured. */
export function fileEmail(folder: string, from: string): SendEmail {
  return async (email) => {
    const file = path.join(folder, `${path.basename(email.id)}.eml`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.part`, readable(from, email), { mode: 0o600 });
    await rename(`${file}.part`, file);
  };
}

export type SmtpOptions = {
  readonly url: string;
  readonly from: string;
  /** Emails that are handed over at a time, each on a connection of its own. */
  readonly maxConnections: number;
  readonly silenceMs?: number;
};

/** Emails over one connection, before another one takes its place. */
const maxMessages = 1_000;

/** Hands emails to an SMTP server over pooled connections. */
export function smtpEmail({
  url,
  from,
  maxConnections,
  silenceMs = usualSilenceMs,
}: SmtpOptions): SendEmail & AsyncDisposable {
  let transport: Promise<Transporter> | undefined;
  const connect = async (): Promise<Transporter> => {
    const { createTransport } = await import("nodemailer");
    const parsed = new URL(url);
    for (const name of ["connectionTimeout", "greetingTimeout"])
      parsed.searchParams.set(name, String(connectWithinMs));
    parsed.searchParams.set("socketTimeout", String(silenceMs));
    parsed.searchParams.set("pool", "true");
    parsed.searchParams.set("maxConnections", String(maxConnections));
    parsed.searchParams.set("maxMessages", String(maxMessages));
    return createTransport(parsed.href);
  };
  const send: SendEmail = async (email) => {
    transport ??= connect();
    try {
      await (await transport).sendMail(messageOf(from, email));
    } catch (error) {
      throw failureOf(error);
    }
  };
  return Object.assign(send, {
    async [Symbol.asyncDispose]() {
      (await transport)?.close();
    },
  });
}

const permanent = 500;
const closing = 421;

/**
 * What a server says once it knows the receiver is about this email: any stranger can have a full
 * mailbox. What it says before, and what the network does, meets all emails (RFC 5321, 4.2.1). A server that has greeted and
 * falls silent may have taken the email: it is sent again seldom, and holds up no other.
 */
function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const isSilent = "timeoutType" in error && error.timeoutType === "SOCKET_TIMEOUT";
  if (isSilent) return new Deferred("The SMTP server does not answer in time", { cause: error });
  const response = "responseCode" in error ? Number(error.responseCode) : undefined;
  const command = "command" in error ? String(error.command) : "";
  const isClosed = response === closing && error.code === "ECONNECTION"; // in place of an answer
  const knowsReceiver = isClosed || command === "RCPT TO" || command === "DATA";
  if (response === undefined || !knowsReceiver)
    return new Unavailable("The SMTP server does not take email now", { cause: error });
  return response < permanent
    ? new Deferred("The SMTP server does not take this email now", { cause: error })
    : error;
}
