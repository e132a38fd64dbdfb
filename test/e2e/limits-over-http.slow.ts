import assert from "node:assert/strict";
import { test } from "node:test";
import { launch } from "../support/basalt.ts";
import { testDatabase } from "../support/database.ts";

test("a cold process refuses nothing to 64 connections that ask all the time", async () => {
  await using opened = await testDatabase();
  await using basalt = launch(["start"], { BASALT_DATABASE_URL: opened.url });
  const url = await basalt.url;
  const statuses = new Map<number, number>();
  const ask = async () => {
    for (let i = 0; i < 8; i += 1) {
      const { status } = await fetch(`${url}/api/v1/products?limit=1`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 64 }, ask));
  assert.deepEqual(statuses, new Map([[200, 512]]));
});
