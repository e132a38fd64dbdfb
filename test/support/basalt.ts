import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pino, type Logger } from "pino";
import { basalt } from "../../src/composition.ts";
import { startBasalt } from "../../src/main.ts";
import { testDatabase, type TestDatabase } from "./database.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** A folder for one test. Whoever Postgres runs as may pass: else its data would lie elsewhere. */
export async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "basalt-test-"));
  await chmod(folder, 0o711);
  return {
    path: folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export type Served = AsyncDisposable & {
  readonly url: string;
  readonly opened: TestDatabase;
  /** Where its emails are. */
  readonly folder: string;
};

export const adminEmail = "admin@example.com";
export const password = "correct horse battery";

/** So many that no test meets a limit that it does not test. */
const plenty = "1000000";
const forTests = {
  // A test that needs a provider sets the address of its stand-in.
  BASALT_ALPACA_URL: "http://127.0.0.1:9",
  BASALT_SHUTDOWN_DELAY_MS: "0",
  BASALT_ADMIN_EMAIL: adminEmail,
  BASALT_ADMIN_PASSWORD: password,
  BASALT_LIMIT_REQUESTS_PER_MINUTE: plenty,
  BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: plenty,
  BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT: plenty,
};

/** The environment of a Basalt on a test's database and folder. */
export const settingsFor = (
  { url }: Pick<TestDatabase, "url">,
  folder: { readonly path: string },
): Readonly<Record<string, string>> => ({
  PORT: "0",
  BASALT_DATABASE_URL: url,
  BASALT_DATA_DIR: folder.path,
  ...forTests,
});

/** A whole Basalt in this process, on a database of its own. */
export async function serve(
  env: Readonly<Record<string, string>> = {},
  log: Logger = pino({ level: "silent" }),
): Promise<Served> {
  await using undo = new AsyncDisposableStack();
  const opened = undo.use(await testDatabase());
  const folder = undo.use(await scratch());
  const settings = basalt.load({ ...settingsFor(opened, folder), ...env });
  const { url } = undo.use(await startBasalt(settings, log));
  const running = undo.move();
  const { dataFolder } = settings;
  return { url, opened, folder: dataFolder, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

export type Ended = { readonly code: number | null; readonly output: string };

/** A Basalt in a process of its own. */
export type Process = AsyncDisposable & {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: () => string;
  readonly url: Promise<string>;
  readonly ended: Promise<Ended>;
};

export function launch(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  program = "src/cli.ts",
): Process {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    env: { ...process.env, NODE_TEST_CONTEXT: "", PORT: "0", ...forTests, ...env },
    stdio: [args.includes("-") ? "pipe" : "ignore", "pipe", "pipe"],
  });
  let output = "";
  const url = Promise.withResolvers<string>();
  url.promise.catch(() => {}); // only some ask for it
  const hear = (chunk: Buffer) => {
    output += chunk.toString();
    const found = /Basalt is ready at (http:\S+)/.exec(output)?.[1];
    if (found) url.resolve(found);
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => {
      url.reject(new Error(`ended with ${code}: ${output}`));
      resolve({ code, output });
    });
  });
  return {
    child,
    output: () => output,
    url: url.promise,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

export const postJson = (
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

export type Headers = { readonly authorization: string };
export type SignedIn = {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly headers: Headers;
};

export const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

/** Signs somebody in over HTTP. */
export async function signIn(
  { url }: Pick<Served, "url">,
  email: string,
  more: object = {},
): Promise<SignedIn> {
  const answer = await postJson(`${url}/api/v1/sessions`, { email, password, ...more });
  const body = (await answer.json()) as Omit<SignedIn, "headers">;
  if (answer.status !== 201) throw new Error(`sign-in of ${email}: ${JSON.stringify(body)}`);
  return { ...body, headers: bearer(body.accessToken) };
}

export const asAdmin = (served: Pick<Served, "url">) => signIn(served, adminEmail);

/** Registers somebody over HTTP and signs them in. */
export async function signUp(served: Pick<Served, "url">, email: string): Promise<SignedIn> {
  const who = { email, name: "Somebody", password };
  const answer = await postJson(`${served.url}/api/v1/users`, who);
  if (answer.status !== 201) throw new Error(`registration: ${await answer.text()}`);
  return signIn(served, email);
}
