import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "#kernel/context.ts";
import { err, ok } from "#kernel/result.ts";
import type { AuditAddition } from "#kernel/audit.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createHandlers } from "./handlers.ts";

const context: Context = { actor: "somebody", correlationId: "c", deadlineMs: 1e15 };
type Rename = { readonly userId: string; readonly email: string; readonly name: string };
const input: Rename = { userId: "u", email: "a@b.example", name: "Ada" };
const forbidden = err({ type: "forbidden" });
const tooLong = err({ type: "too-long" });
const conflict = err({ type: "conflict" });

function handlersThat<const R>(results: readonly R[]) {
  const entries: AuditAddition[] = [];
  const asked: Context[] = [];
  const left = [...results];
  const rename = async (_input: Rename, context: Context): Promise<R> => {
    asked.push(context);
    const [result] = left.length > 1 ? left.splice(0, 1) : left;
    if (result === undefined) throw new Error("no result");
    return result;
  };
  const audit = { enter: async (entry: AuditAddition) => void entries.push(entry) };
  return { rename, entries, asked, deps: { audit, metrics: createMetrics() } };
}

test("the audit keeps a denial with the ids and the named fields of its input", async () => {
  const { rename, entries, deps } = handlersThat([forbidden, tooLong]);
  const handlers = createHandlers(
    "people",
    { rename },
    { ...deps, denials: ["forbidden"], targetFields: ["email"] },
  );

  await handlers.rename(input, context);
  await handlers.rename(input, context);

  const told = entries.map(({ operation, outcome, targets }) => ({ operation, outcome, targets }));
  assert.deepEqual(told, [
    { operation: "people.rename", outcome: "forbidden", targets: ["u", "a@b.example"] },
  ]);
});

test("a handler that loses a race decides again, five times at most", async () => {
  const once = handlersThat([conflict, conflict, ok("renamed")]);
  const always = handlersThat([conflict]);

  const { rename } = once;
  const renamed = createHandlers("people", { rename }, { ...once.deps, denials: [] });
  const lost = createHandlers("people", { rename: always.rename }, { ...always.deps, denials: [] });

  assert.deepEqual(await renamed.rename(input, context), ok("renamed"));
  assert.equal(once.asked.length, 3);
  assert.deepEqual(await lost.rename(input, context), conflict);
  assert.equal(always.asked.length, 5);
});

test("metrics count the outcome of each handler, also of one that throws", async () => {
  const { rename, deps } = handlersThat([ok("renamed"), forbidden]);
  const fail = async (_input: Rename, _context: Context): Promise<never> => {
    throw new Error("broken");
  };
  const handlers = createHandlers("people", { rename, fail }, { ...deps, denials: [] });

  await handlers.rename(input, context);
  await handlers.rename(input, context);
  await assert.rejects(handlers.fail(input, context));

  const text = await deps.metrics.registry.metrics();
  for (const [handler, outcome] of [
    ["people.rename", "ok"],
    ["people.rename", "forbidden"],
    ["people.fail", "error"],
  ])
    assert.match(text, new RegExp(`_count\\{.*handler="${handler}",outcome="${outcome}".*\\} 1`));
});

test("a denial that no handler can answer does not compile", () => {
  const { rename, deps } = handlersThat([forbidden]);
  // @ts-expect-error: no handler refuses with this type
  createHandlers("people", { rename }, { ...deps, denials: ["forbiden"] });
  // @ts-expect-error: no input has this field
  createHandlers("people", { rename }, { ...deps, denials: [], targetFields: ["role"] });
});
