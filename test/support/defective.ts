import type { IncomingMessage, ServerResponse } from "node:http";
import { jsonLog } from "#platform/telemetry/log.ts";
import type { Basalt } from "#platform/process/start.ts";
import { basalt as composition } from "../../src/composition.ts";
import { startBasalt } from "../../src/main.ts";
import { launch, type Process } from "./basalt.ts";

/** Hurts one request or its answer. */
export type Spoil = (request: IncomingMessage, response: ServerResponse) => void;

/** A Basalt in a process of its own, with one of the defects that `program` knows. */
export const launchDefective = (
  program: string,
  defect: string,
  env: Readonly<Record<string, string>>,
): Process => launch([], { ...env, PLANTED_DEFECT: defect }, program);

/** The one that was asked for. */
export function chosenOf<T>(defects: Readonly<Record<string, T>>): T {
  const chosen = defects[process.env["PLANTED_DEFECT"] ?? ""];
  if (chosen === undefined) throw new Error(`there are ${Object.keys(defects).join(", ")}`);
  return chosen;
}

/** Serves until it is stopped, as `basalt start` does. */
export async function serveDefective(
  plant: (basalt: Basalt) => void | AsyncDisposable,
): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const { log, flush } = jsonLog("warn");
  undo.defer(flush);
  const basalt = undo.use(await startBasalt(composition.load(process.env), log));
  undo.use(plant(basalt) ?? null);
  flush();
  console.log(`Basalt is ready at ${basalt.url}`);
  const running = undo.move();
  process.once("SIGTERM", () => void running.disposeAsync());
}

export const spoiledBy =
  (spoil: Spoil) =>
  ({ app }: Basalt): void =>
    void app.server.prependListener("request", spoil);

/** Lets what is about to be sent pass through `change`, of requests about `where`. */
export const spoiling =
  (where: RegExp, change: (status: number, body: string) => readonly [number, string]): Spoil =>
  (request, response) => {
    if (!where.test(`${request.method} ${request.url}`)) return;
    const [writeHead, end] = [response.writeHead.bind(response), response.end.bind(response)];
    let said: readonly [number, object] = [200, {}];
    response.writeHead = (status: number, headers: unknown) => {
      said = [status, headers as object];
      return response;
    };
    response.end = (body?: unknown) => {
      const [status, text] = change(said[0], typeof body === "string" ? body : "");
      writeHead(status, { ...said[1], "content-length": Buffer.byteLength(text) });
      return end(text);
    };
  };

/** What shows that a defect is there: another complaint would not show that it is seen. */
export type Marks = Readonly<Record<string, RegExp>>;

/** Whether a complaint is what was looked for: any, or that of the defect that was planted. */
export function isSign(defect: string | undefined, marks: Marks): (complaint: string) => boolean {
  const mark = defect === undefined ? /./ : (marks[defect] ?? /$^/);
  return (complaint) => mark.test(complaint);
}

/** Ends the campaign: well where nothing is wrong, or where what was planted is seen. */
export function conclude(defect: string | undefined, isSeen: boolean): void {
  if (defect !== undefined) console.log(`${defect} was ${isSeen ? "caught" : "NOT caught"}`);
  process.exitCode = isSeen === (defect !== undefined) ? 0 : 1;
}
