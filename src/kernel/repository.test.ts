import assert from "node:assert/strict";
import { test } from "node:test";
import { unchanged } from "./change.ts";
import { event, type EventOf, registry } from "./event.ts";
import { idOf, saving } from "./repository.ts";
import { text } from "./scalars.ts";
import { Version, type Versioned } from "./version.ts";

const Renamed = event("things.renamed", 1, { name: text(10) });
const events = registry(Renamed);
type Thing = Versioned & { readonly id: string; readonly name: string };

function repository() {
  const kept: Thing[] = [];
  const appended: unknown[] = [];
  const save = saving<Thing, EventOf<typeof events>>(
    (stream, version, { length }) => void appended.push({ stream, version, length }),
    idOf,
    (thing) => void kept.push(thing),
  );
  return { save, kept, appended };
}

const two = Version.plus(Version.none, 2);
const thing: Thing = { id: "thing", name: "old", version: two };

test("a saved change is kept with its new version, and its events are appended after the old one", () => {
  const { save, kept, appended } = repository();
  const renamed = { ...thing, name: "new" };

  const saved = save({ state: renamed, events: [Renamed({ name: "new" })] });

  assert.deepEqual(saved, { ...renamed, version: 3 });
  assert.deepEqual(kept, [saved]);
  assert.deepEqual(appended, [{ stream: "thing", version: 2, length: 1 }]);
});

test("a change without events keeps and appends nothing", () => {
  const { save, kept, appended } = repository();

  assert.deepEqual(save(unchanged(thing)), thing);
  assert.deepEqual([kept, appended], [[], []]);
});
