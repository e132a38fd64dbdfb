import { parentPort, workerData } from "node:worker_threads";
import { smtpInbox } from "../test/support/smtp.ts";

const inbox = await smtpInbox();
inbox.takesMs = Number(workerData);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- of a thread, not a window
parentPort?.postMessage(inbox.url);
