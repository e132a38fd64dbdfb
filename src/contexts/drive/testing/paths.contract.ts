import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { PlaceLock } from "../application/locks/locks.ts";
import { OpenSpace } from "../application/spaces/spaces.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

/** How paths through all spaces are resolved, on any adapters. */
export function pathsContract(name: string, open: OpenDrive): void {
  describe(`paths through spaces on ${name}`, () => {
    test("a path through all spaces leads as far as there is something, and tells the locks there", async () => {
      await using house = await openDrive(open);
      const { rootId, made, drive, as, adaId, bobId, space } = house;
      const photos = await made(rootId, "Photos");
      const file = expect(await house.file(photos, "a.txt", Buffer.from("1"))).id;
      const resolve = (segment: string, names: readonly string[], actor: string = adaId) =>
        drive.resolvePath({ space: segment, names }, as(actor));
      const ids = async (segment: string, names: readonly string[]) =>
        expect(await resolve(segment, names)).nodes.map(({ id }) => id);
      assert.deepEqual(await ids("MY FILES", []), [rootId]);
      assert.deepEqual(await ids(space.id, ["photos", "A.TXT"]), [rootId, photos, file]);
      assert.deepEqual(await ids("My files", ["Photos", "none", "a.txt"]), [rootId, photos]);
      assert.deepEqual(await ids("My files", ["Photos", "nul.txt", "a.txt"]), [rootId, photos]);
      for (const segment of ["none", "", "nul.txt", "space_01h455vb4pex5vsknk084sn02q"])
        assert.equal(outcomeOf(await resolve(segment, [])), "path-not-found");
      assert.equal(outcomeOf(await resolve("My files", [], bobId)), "path-not-found");
      assert.equal(outcomeOf(await resolve(space.id, [], bobId)), "path-not-found");

      const twin = expect(await drive.openSpace(read(OpenSpace, { name: "my files" }), as(adaId)));
      assert.deepEqual(await ids("My files", []), [rootId], "the first one has the name");
      assert.deepEqual(await ids(twin.id, []), [twin.rootId]);

      const lock = expect(await drive.placeLock(read(PlaceLock, { nodeId: photos }), as(adaId)));
      const locks = async (names: readonly string[]) =>
        expect(await resolve("My files", names)).locks.map(({ id }) => id);
      assert.deepEqual(await locks(["Photos", "a.txt"]), [lock.id]);
      assert.deepEqual(await locks([]), []);
      expect(await house.trash(photos));
      assert.deepEqual(await ids("My files", ["Photos", "a.txt"]), [rootId]);
    });
  });
}
