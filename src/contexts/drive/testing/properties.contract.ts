import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import type { NodeId } from "../domain/ids.ts";
import type { PropertyChange } from "../domain/property.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

const color = { namespace: "urn:example", name: "color" };

/** How clients keep properties with files and folders, on any adapters. */
export function propertiesContract(name: string, open: OpenDrive): void {
  const opened = async () => {
    const house = await openDrive(open);
    const { drive, as, adaId } = house;
    const change = (nodeId: NodeId, changes: readonly PropertyChange[], actor: string = adaId) =>
      drive.changeProperties({ nodeId, changes }, as(actor));
    const listed = async (nodeId: NodeId, nodeIds: readonly NodeId[] = [nodeId]) =>
      expect(await drive.listProperties({ nodeId, nodeIds }, as(adaId)));
    const values = async (nodeId: NodeId) =>
      ((await listed(nodeId)).get(nodeId) ?? []).map(({ value }) => value);
    return { ...house, change, listed, values };
  };

  describe(`the properties of files and folders on ${name}`, () => {
    test("are kept, replaced and removed in the order of their changes", async () => {
      await using house = await opened();
      const { rootId, made, change, values } = house;
      const folder = await made(rootId, "a");
      expect(
        await change(folder, [
          { ...color, value: "red" },
          { ...color, value: "green" },
        ]),
      );
      expect(await change(folder, [{ ...color, namespace: "urn:other", value: "blue" }]));
      assert.deepEqual(await values(folder), ["green", "blue"]);
      expect(await change(folder, [color, { ...color, name: "unknown" }]));
      assert.deepEqual(await values(folder), ["blue"]);
      expect(await change(folder, [{ ...color, namespace: "urn:other" }]));
      assert.deepEqual(await values(folder), []);
    });

    test("are limited, and all changes are refused together", async () => {
      await using house = await opened();
      const { rootId, change, values } = house;
      const many = Array.from({ length: 101 }, (_, i) => ({ ...color, name: `p${i}`, value: "" }));
      assert.equal(outcomeOf(await change(rootId, many)), "too-many-properties");
      const large = { ...color, value: "x".repeat(65_536) };
      assert.equal(outcomeOf(await change(rootId, [large])), "too-many-properties");
      assert.deepEqual(await values(rootId), []);
      expect(await change(rootId, many.slice(1)));
    });

    test("go with a node that is moved, are copied with it, and end with it", async () => {
      await using house = await opened();
      const { rootId, made, change, values, listed } = house;
      const folder = await made(rootId, "a");
      const inner = await made(folder, "b");
      expect(await change(inner, [{ ...color, value: "red" }]));
      expect(await house.move(inner, { name: "c" }));
      const copy = expect(await house.copy(folder, { name: "copy" }));
      const [copied] = expect(await house.children(copy.id)).items;
      assert.deepEqual(await values(copied?.id ?? rootId), ["red"]);
      expect(await change(copied?.id ?? rootId, [{ ...color, value: "green" }]));
      assert.deepEqual(await values(inner), ["red"]);
      const both = await listed(folder, [folder, inner]);
      assert.deepEqual([...both.keys()], [inner]);
      const asked = { nodeId: folder, nodeIds: [folder, inner] };
      const { drive, as, adaId, bobId } = house;
      assert.deepEqual(expect(await drive.findPropertied(asked, as(adaId))), [inner]);
      assert.equal(outcomeOf(await drive.findPropertied(asked, as(bobId))), "forbidden");

      expect(await house.trash(inner));
      const gone = await change(inner, [{ ...color, value: "late" }]);
      assert.equal(outcomeOf(gone), "node-in-trash");
      expect(await house.purge(inner));
      assert.equal(outcomeOf(await change(inner, [color])), "node-not-found");
      assert.deepEqual([...(await listed(folder, [inner])).keys()], []);
    });

    test("are nobody else's", async () => {
      await using house = await opened();
      const { rootId, change, drive, as, bobId } = house;
      expect(await change(rootId, [{ ...color, value: "red" }]));
      assert.equal(outcomeOf(await change(rootId, [color], bobId)), "forbidden");
      const listed = await drive.listProperties({ nodeId: rootId, nodeIds: [rootId] }, as(bobId));
      assert.equal(outcomeOf(listed), "forbidden");
      const own = expect(await drive.openSpace({ name: house.space.name }, as(bobId)));
      const asked = { nodeId: own.rootId, nodeIds: [own.rootId, rootId] };
      const seen = expect(await drive.listProperties(asked, as(bobId)));
      assert.deepEqual([...seen.keys()], []);
    });

    test("changes that race are all kept", async () => {
      await using house = await opened();
      const { rootId, change, values } = house;
      const names = Array.from({ length: 8 }, (_, i) => String(i));
      const one = (value: string) => change(rootId, [{ ...color, name: `p${value}`, value }]);
      for (const changed of await Promise.all(names.map(one))) expect(changed);
      assert.deepEqual((await values(rootId)).toSorted(), names);
    });
  });
}
