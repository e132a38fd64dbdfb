import assert from "node:assert/strict";
import { test } from "node:test";
import { below } from "./address.ts";

test("an address below another one has one slash between them", () => {
  for (const address of ["https://x.example/basalt", "https://x.example/basalt/"])
    assert.equal(below(address, "/connect"), "https://x.example/basalt/connect");
  assert.equal(below("https://x.example", "/"), "https://x.example/");
});
