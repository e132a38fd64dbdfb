import { SMTPServer } from "smtp-server";
import PostalMime from "postal-mime";
import type { AddressInfo, Socket } from "node:net";
import type { Email } from "#platform/email/email.ts";

/** What the server says to a message, after all of it has come: undefined takes it. */
export type Verdict = { readonly code: number; readonly text: string } | "hang-up" | undefined;

export type SmtpInbox = AsyncDisposable & {
  readonly url: string;
  /** Asked for each message. */
  verdict: () => Verdict;
  /** Asked for each sender, before there is a receiver or a message. */
  senderVerdict: () => Verdict;
  /** By message id. */
  readonly emails: ReadonlyMap<string, Email>;
  /** The receivers of each message, also of one that was sent before. */
  readonly envelopes: readonly (readonly string[])[];
};

/** A real SMTP server on the loopback that keeps what it takes. */
export async function smtpInbox(): Promise<SmtpInbox> {
  const emails = new Map<string, Email>();
  const envelopes: (readonly string[])[] = [];
  const sockets = new Set<Socket>();
  const inbox: Pick<SmtpInbox, "verdict" | "senderVerdict"> = {
    verdict: () => undefined,
    senderVerdict: () => undefined,
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onMailFrom(_address, _session, done) {
      const verdict = inbox.senderVerdict();
      if (!verdict || verdict === "hang-up") done();
      else done(Object.assign(new Error(verdict.text), { responseCode: verdict.code }));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const verdict = inbox.verdict();
        if (verdict === "hang-up") return sockets.forEach((socket) => void socket.destroy());
        if (verdict) {
          done(Object.assign(new Error(verdict.text), { responseCode: verdict.code }));
          return;
        }
        envelopes.push(session.envelope.rcptTo.map(({ address }) => address));
        void PostalMime.parse(Buffer.concat(chunks)).then((message) => {
          const email = emailOf(message);
          emails.set(email.id, email);
          done();
        });
      });
    },
  });
  server.on("error", () => {}); // whoever sends may be killed meanwhile
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  server.server.on("connection", (socket) => sockets.add(socket));
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(inbox, {
    url: `smtp://127.0.0.1:${port}`,
    emails,
    envelopes,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  });
}

type Message = Awaited<ReturnType<typeof PostalMime.parse>>;

/** A message as the email that it was made from. Throws where it is more than that. */
export function emailOf({ messageId, to, cc, bcc, subject, text }: Message): Email {
  const receivers = [...(to ?? []), ...(cc ?? []), ...(bcc ?? [])];
  const [receiver] = receivers;
  if (receivers.length !== 1 || !receiver?.address) throw new Error("not one receiver");
  return {
    id: /^<(.+)@basalt>$/.exec(messageId ?? "")?.[1] ?? "",
    to: receiver.address,
    subject: subject ?? "",
    text: (text ?? "").replaceAll("\r\n", "\n"),
  };
}
