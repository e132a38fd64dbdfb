import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import Fastify, { type FastifyRequest } from "fastify";
import { Unavailable } from "../unavailable.ts";
import { endWithCredential, requireAccessRules, subnetOf } from "./gate.ts";

test("refuses to start with a route that has no access rule", async () => {
  const app = Fastify();
  requireAccessRules(app);
  app.get("/open", { config: { access: "anyone" } }, () => "ok");
  assert.throws(() => app.get("/forgotten", () => "oops"), /GET \/forgotten has no access rule/);
  const config = { access: "everybody" as never };
  assert.throws(() => app.get("/misspelt", { config }, () => "oops"), /has no access rule/);
  await app.close();
});

test("counts all addresses of an IPv6 /64 network together", () => {
  assert.equal(subnetOf("192.0.2.7"), "192.0.2.7");
  assert.equal(subnetOf("::ffff:192.0.2.7"), "192.0.2.7");
  assert.equal(subnetOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(subnetOf("2001:db8::1"), subnetOf("2001:db8:0:0:ffff::"));
  assert.notEqual(subnetOf("2001:db8:0:1::1"), subnetOf("2001:db8:0:2::1"));
  assert.equal(subnetOf("::1"), "0:0:0:0::/64");
});

test("a body whose sender cannot be looked up at its end is an outage, whatever its reader makes of it", async () => {
  const outage = new Unavailable("the database does not answer", {});
  const body = Readable.from([Buffer.from("all of it")]);
  const request = {
    body,
    principal: { actor: "user_1", credential: "session_1" },
    headers: { authorization: "Bearer token" },
    routeOptions: { config: {} },
  } as unknown as FastifyRequest;
  const authenticate = async () => Promise.reject(outage);
  const confirm = endWithCredential({ authenticate }, request);
  confirm();
  const pieces: unknown[] = [];
  const reading = async () => {
    for await (const piece of body) pieces.push(piece);
  };
  await assert.rejects(reading, outage);
  assert.equal(String(pieces), "all of it");
  assert.throws(confirm, outage);
});
