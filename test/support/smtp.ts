import { setTimeout as sleep } from "node:timers/promises";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import PostalMime from "postal-mime";
import type { AddressInfo, Socket } from "node:net";
import type { Email } from "#platform/email/email.ts";

/** What the server says to a message, after all of it has come: undefined takes it. */
export type Verdict = { readonly code: number; readonly text: string } | "hang-up" | undefined;

/** By stage; the address is that of the receiver, where it is known. */
export type Verdicts = {
  readonly connection?: () => Verdict;
  readonly sender?: () => Verdict;
  readonly receiver?: (address: string) => Verdict | Promise<Verdict>;
  readonly message?: (address: string) => Verdict | Promise<Verdict>;
};

export type SmtpInbox = AsyncDisposable & {
  readonly url: string;
  /** What it says at each stage of a delivery. */
  verdicts: Verdicts;
  /** How long it takes to answer to a message, ms. */
  takesMs: number;
  /** By message id. */
  readonly emails: ReadonlyMap<string, Email>;
  /** The receivers of each message, also of one that was sent before. */
  readonly envelopes: readonly (readonly string[])[];
  /** All but the first so many were never sent. */
  readonly forget: (after: number) => void;
};

/** A real SMTP server on the loopback that keeps what it takes. */
export async function smtpInbox(): Promise<SmtpInbox> {
  const emails = new Map<string, Email>();
  const envelopes: (readonly string[])[] = [];
  const sockets = new Set<Socket>();
  const inbox: Pick<SmtpInbox, "verdicts" | "takesMs"> = { verdicts: {}, takesMs: 0 };
  const answer = (verdict: Verdict, done: (error?: Error | null) => void): void => {
    if (!verdict) done();
    else if (verdict === "hang-up") sockets.forEach((socket) => void socket.destroy());
    else done(Object.assign(new Error(verdict.text), { responseCode: verdict.code }));
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onConnect: (_session, done) => answer(inbox.verdicts.connection?.(), done),
    onMailFrom: (_address, _session, done) => answer(inbox.verdicts.sender?.(), done),
    onRcptTo: ({ address }, _session, done) =>
      void Promise.resolve(inbox.verdicts.receiver?.(address)).then((verdict) =>
        answer(verdict, done),
      ),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on(
        "end",
        () => void receive(Buffer.concat(chunks), session).then((v) => answer(v, done)),
      );
    },
  });
  async function receive(message: Buffer, { envelope }: SMTPServerSession): Promise<Verdict> {
    const receivers = envelope.rcptTo.map(({ address }) => address);
    if (inbox.takesMs > 0) await sleep(inbox.takesMs);
    const verdict = await inbox.verdicts.message?.(receivers[0] ?? "");
    if (verdict) return verdict;
    envelopes.push(receivers);
    const email = emailOf(await PostalMime.parse(message));
    emails.set(email.id, email);
    return undefined;
  }
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
    forget: (after: number) => void envelopes.splice(after),
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
