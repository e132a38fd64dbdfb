import assert from "node:assert/strict";
import { test } from "node:test";
import Fastify from "fastify";
import { until } from "#test/until.ts";
import { limitOpen } from "./limit-open.ts";

test("strangers are limited by their networks, and not together", async () => {
  const app = Fastify({ trustProxy: true });
  const mayOpen = limitOpen(10, 1);
  const end = Promise.withResolvers<void>();
  let open = 0;
  app.decorateRequest("principal");
  app.addHook("onRequest", (request, _reply, done) => {
    request.principal = { actor: "anonymous" };
    done();
  });
  app.get("/", async (_request, reply) => {
    if (!mayOpen(reply)) return reply.code(503).send();
    open += 1;
    await end.promise;
    return "over";
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const from = (address: string) => fetch(url, { headers: { "x-forwarded-for": address } });
  const both = [from("192.0.2.1"), from("192.0.2.2")];
  await until(() => open === 2);
  assert.equal((await from("192.0.2.1")).status, 503);
  end.resolve();
  for (const answer of await Promise.all(both)) assert.equal(answer.status, 200);
  await app.close();
});

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
