import assert from "node:assert/strict";
import { test } from "node:test";
import Fastify from "fastify";
import { limitOpen } from "./limit-open.ts";

test("what is open is limited for all and for each actor, until it closes", async () => {
  const app = Fastify();
  const mayOpen = limitOpen(3, 2);
  const ends: (() => void)[] = [];
  app.decorateRequest("principal");
  app.addHook("onRequest", (request, _reply, done) => {
    request.principal = { actor: String(request.headers["x-actor"]) };
    done();
  });
  app.get("/", async (_request, reply) => {
    if (!mayOpen(reply)) return reply.code(503).send();
    await new Promise<void>((resolve) => ends.push(resolve));
    return "over";
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const open = (actor: string) => fetch(url, { headers: { "x-actor": actor } });
  const ofAda = [open("ada"), open("ada")];
  while (ends.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await open("ada")).status, 503, "two of one");
  const ofBob = open("bob");
  while (ends.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await open("eve")).status, 503, "three of all");

  for (const end of ends) end();
  await Promise.all([...ofAda, ofBob].map(async (answer) => (await answer).text()));

  const again = open("ada");
  while (ends.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  ends[3]?.();
  assert.equal((await again).status, 200);
  await app.close();
});
