import assert from "node:assert/strict";
import { test } from "node:test";
import { asAdmin, launch, scratch, type Headers } from "../support/basalt.ts";
import { get, sell, type At, type Json } from "../support/http.ts";
import { reserve, stockOf } from "./shop.ts";

test("64 buyers get exactly ten units although the server is killed meanwhile", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  const acknowledged = new Set<string>();
  const buyer = (at: At, key: string) =>
    reserve(at, 1, { "idempotency-key": key }).then(
      ({ status, body }) => {
        if (status === 201) acknowledged.add(String(body["id"]));
        return status;
      },
      () => undefined,
    );
  const keys = Array.from({ length: 64 }, (_, i) => `buyer-${i}`);
  {
    await using first = launch(["start"], env);
    const url = await first.url;
    const at = { url, headers: (await asAdmin({ url })).headers };
    await sell(at, 10);
    const racing = keys.map((key) => buyer(at, key));
    await Promise.race(racing);
    first.child.kill("SIGKILL");
    await Promise.all(racing);
  }
  const before = [...acknowledged];
  await using second = launch(["start"], env);
  const url = await second.url;
  const at = { url, headers: (await asAdmin({ url })).headers };
  const statuses = await Promise.all(keys.map((key) => buyer(at, key)));
  assert.equal(statuses.filter((status) => status === 201).length, 10);
  assert.equal(statuses.filter((status) => status === 409).length, 54);
  assert.equal(acknowledged.size, 10, "who was told so before has it still");
  assert.ok(before.every((id) => acknowledged.has(id)));
  assert.deepEqual(await stockOf(at), {
    sku: "TS-M",
    location: "main",
    onHand: 10,
    reserved: 10,
    available: 0,
  });
});

test("seeding twice makes no product twice", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  const seed = async (...more: readonly string[]) => {
    const { code, output } = await launch(["seed", "--products", "45", ...more], env).ended;
    assert.equal(code, 0, output);
    return output;
  };
  assert.match(await seed(), /45 products were made; 0 existed already/);
  assert.match(await seed("--json"), /\[\{"what":"products","made":0,"known":45\}\]/);
  await using basalt = launch(["start"], env);
  const at = { url: await basalt.url, headers: {} as Headers };
  const list = (await get(at, "/products?limit=100")).body["items"] as readonly Json[];
  assert.equal(list.length, 45);
  const page = (await get(at, `/products/${String(list[7]?.["id"])}`)).body;
  assert.equal((page["stock"] as { items: readonly Json[] }).items.length > 0, true);
  assert.equal((page["prices"] as { items: readonly Json[] }).items.length >= 2, true);
  for (const wrong of [["--products", "many"], []]) {
    const refused = await launch(["seed", ...wrong], env).ended;
    assert.equal(refused.code, 2);
  }
});
