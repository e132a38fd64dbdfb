import { fork, type ChildProcess, type Serializable } from "node:child_process";
import { childEnvironment } from "../child-environment.ts";

/** An idle process ends after this time. */
const idleMs = 60_000;

/** A process has ended without an answer. */
export class WorkerLost extends Error {}
/** A process took too long, and was ended. */
export class WorkerLate extends WorkerLost {}

/**
 * Work that goes on in processes of its own, each at one thing at a time. What runs there answers each message by another one; a process that fails
 * is not used again.
 */
export function workerProcesses<Out>(entry: URL) {
  const idle = new Map<ChildProcess, NodeJS.Timeout>();

  function forget(child: ChildProcess): void {
    clearTimeout(idle.get(child));
    idle.delete(child);
  }

  function take(): ChildProcess {
    const [free] = idle;
    if (!free) {
      const child = fork(entry, {
        execArgv: [],
        env: childEnvironment(),
        serialization: "advanced",
      });
      return child.once("exit", () => forget(child));
    }
    const [child] = free;
    forget(child);
    child.ref();
    child.channel?.ref();
    return child;
  }

  function keep(child: ChildProcess): void {
    // It may have ended its work by itself.
    if (!child.connected) return;
    child.unref();
    child.channel?.unref();
    const end = () => {
      forget(child);
      if (child.connected) child.disconnect();
    };
    idle.set(child, setTimeout(end, idleMs).unref());
  }

  /** What a process answers. Throws `WorkerLost` where none does, and `WorkerLate` after `withinMs`. */
  return async (input: Serializable, withinMs?: number): Promise<Out> => {
    const child = take();
    const answer = Promise.withResolvers<Out>();
    const lost = (why: unknown) =>
      answer.reject(new WorkerLost("the process that was at work is gone", { cause: why }));
    const late = () => {
      answer.reject(new WorkerLate(`not done within ${withinMs} ms`));
      child.kill("SIGKILL");
    };
    const timer = withinMs === undefined ? undefined : setTimeout(late, withinMs);
    child.once("message", (output) => answer.resolve(output as Out)).once("exit", lost);
    child.once("error", lost).send(input, (error) => error && lost(error));
    try {
      const output = await answer.promise;
      keep(child);
      return output;
    } finally {
      clearTimeout(timer);
      child.off("exit", lost).off("error", lost);
    }
  };
}
