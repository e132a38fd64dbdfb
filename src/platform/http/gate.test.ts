import assert from "node:assert/strict";
import { test } from "node:test";
import Fastify from "fastify";
import { requireAccessRules, subnetOf } from "./gate.ts";

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
