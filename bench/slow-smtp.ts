import { parentPort, workerData } from "node:worker_threads";
import { smtpInbox } from "../test/support/smtp.ts";

const inbox = await smtpInbox();
inbox.takesMs = Number(workerData);
parentPort?.postMessage(inbox.url);
