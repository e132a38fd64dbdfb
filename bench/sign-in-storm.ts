// Clients that sign in for ever with a wrong password, and come again when they are told to.
import { setTimeout as sleep } from "node:timers/promises";

export type StormAnswers = { readonly verified: number; readonly refused: number };

const [url, clients] = process.argv.slice(2);
const answers = { verified: 0, refused: 0 };
const stopped = new AbortController();

async function signInAgain(): Promise<void> {
  while (!stopped.signal.aborted) {
    const answer = await fetch(`${url}/api/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "admin@example.com", password: "not the right one" }),
    });
    await answer.text();
    if (answer.status === 401) answers.verified += 1;
    else answers.refused += 1;
    const retryAfterS = Number(answer.headers.get("retry-after") ?? 0);
    await sleep(retryAfterS * 1_000, undefined, { signal: stopped.signal }).catch(() => {});
  }
}

process.once("message", () => stopped.abort());
await Promise.all(Array.from({ length: Number(clients) }, signInAgain));
process.send?.(answers satisfies StormAnswers, () => process.disconnect());
