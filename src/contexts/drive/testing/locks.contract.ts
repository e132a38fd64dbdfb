import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { LockId } from "../domain/ids.ts";
import { Lock, LockSeconds, maxLocks } from "../domain/lock.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

const bytes = (text: string) => Buffer.from(text);
const idsOf = (locks: readonly Lock[]) => locks.map(({ id }) => id);

/** Files and folders are locked alike on every adapter. */
export function locksContract(name: string, open: OpenDrive): void {
  describe(`locks on ${name}`, () => {
    test("tells who works on a file until when, and changes neither its tag nor its version", async () => {
      await using house = await openDrive(open);
      const { rootId, adaId, clock } = house;
      const file = expect(await house.file(rootId, "a", bytes("one"))).id;
      const before = expect(await house.seen(file)).node;
      const lock = expect(await house.lock(file, { seconds: 60, note: "page 3" }));
      assert.deepEqual(
        [lock.nodeId, lock.holderId, lock.scope, lock.note],
        [file, adaId, "exclusive", "page 3"],
      );
      assert.deepEqual(await house.locks(file), [lock]);
      assert.deepEqual(expect(await house.seen(file)).node, before);
      expect(await house.revise(file, 1, bytes("two")));
      assert.deepEqual(await house.locks(file), [lock], "it keeps nobody from a change");
      clock.advance(59_000);
      const longer = expect(await house.renew(lock.id, 60));
      clock.advance(59_000);
      assert.deepEqual(await house.locks(file), [longer]);
      clock.advance(1_000);
      assert.deepEqual(await house.locks(file), []);
      for (const tried of [await house.renew(lock.id, 60), await house.release(lock.id)])
        assert.equal(outcomeOf(tried), "lock-not-found");
      const another = expect(await house.lock(file));
      expect(await house.release(another.id));
      assert.deepEqual(await house.locks(file), []);
      assert.deepEqual((await house.subject.events()).slice(-3), [
        "drive.lock-renewed",
        "drive.lock-placed",
        "drive.lock-released",
      ]);
    });

    test("bears no lock that does not go with another one, on the node, above or below", async () => {
      await using house = await openDrive(open);
      const { rootId, bobId, adaId } = house;
      await house.join(bobId, "editor");
      const folder = await house.made(rootId, "folder");
      const inner = await house.made(folder, "inner");
      const file = expect(await house.file(inner, "a", bytes("one"))).id;
      const onFile = expect(await house.lock(file));
      const refused = await house.lock(file, { scope: "shared" }, bobId);
      assert.ok(!refused.ok && refused.error.type === "node-locked");
      assert.deepEqual(
        [refused.error.lockId, refused.error.holderId, refused.error.until],
        [onFile.id, adaId, onFile.expiresAt],
      );
      assert.equal(outcomeOf(await house.lock(file)), "node-locked", "one of the same user");
      assert.equal(outcomeOf(await house.lock(folder, {}, bobId)), "node-locked", "from below");
      const alone = expect(await house.lock(folder, { coversBelow: false }, bobId));
      assert.deepEqual(idsOf(await house.locks(file)), [onFile.id], "it does not cover the file");
      assert.deepEqual(idsOf(await house.locks(rootId, { below: true })), [onFile.id, alone.id]);
      expect(await house.release(onFile.id));
      expect(await house.release(alone.id, bobId));

      const deep = expect(await house.lock(folder, {}, bobId));
      assert.equal(outcomeOf(await house.lock(file)), "node-locked", "from above");
      assert.deepEqual(idsOf(await house.locks(file)), [deep.id]);
      expect(await house.move(inner, { parentId: rootId }));
      assert.deepEqual(await house.locks(file), [], "what was moved out is not covered any more");
      const [one, two] = [
        await house.lock(file, { scope: "shared" }),
        await house.lock(file, { scope: "shared" }, bobId),
      ];
      assert.deepEqual([outcomeOf(one), outcomeOf(two)], ["ok", "ok"]);
      assert.equal(outcomeOf(await house.lock(file)), "node-locked");
    });

    test("of many that lock at once, one holds", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "a", bytes("one"))).id;
      const tried = await Promise.all(
        [file, folder, file, folder, file, rootId].map((id) => house.lock(id)),
      );
      const held = tried.filter(({ ok: isHeld }) => isHeld);
      assert.equal(held.length, 1, tried.map(outcomeOf).join());
      assert.equal((await house.locks(rootId, { below: true })).length, 1);
    });

    test("a lock that ends is renewed, or another one is placed, and never both", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      for (let round = 0; round < 10; round += 1) {
        const file = expect(await house.file(rootId, `${round}`, bytes("one"))).id;
        const lock = expect(await house.lock(file, { seconds: 1 }));
        clock.advance(999);
        const renewing = house.renew(lock.id, 60);
        clock.advance(1);
        const placing = house.lock(file);
        const [renewed, placed] = [await renewing, await placing];
        assert.notEqual(renewed.ok, placed.ok, `${outcomeOf(renewed)}, ${outcomeOf(placed)}`);
        assert.equal((await house.locks(file)).length, 1);
      }
    });

    test("is placed by whoever may change the node, and released by its holder or the owner", async () => {
      await using house = await openDrive(open);
      const { rootId, bobId } = house;
      const file = expect(await house.file(rootId, "a", bytes("one"))).id;
      const lock = expect(await house.lock(file, { scope: "shared" }));
      const others = async () => [
        outcomeOf(await house.lock(file, { scope: "shared" }, bobId)),
        outcomeOf(await house.renew(lock.id, 60, bobId)),
        outcomeOf(await house.release(lock.id, bobId)),
      ];
      const none = ["forbidden", "forbidden", "forbidden"];
      assert.deepEqual(await others(), none);
      await house.join(bobId, "viewer");
      assert.deepEqual(await others(), none);
      assert.deepEqual(idsOf(await house.locks(file, {}, bobId)), [lock.id]);
      expect(await house.changeMember(bobId, "editor"));
      assert.deepEqual(await others(), ["ok", "forbidden", "forbidden"]);
      const [, bobs] = await house.locks(file);
      assert.equal(outcomeOf(await house.renew(bobs?.id ?? "", 60)), "forbidden");
      expect(await house.release(bobs?.id ?? ""));
      expect(await house.lock(file, { scope: "shared" }, bobId));
      expect(await house.removeMember(bobId, bobId));
      assert.deepEqual(idsOf(await house.locks(file)), [lock.id], "it ends with the membership");
    });

    test("ends with its node, and is not placed in the trash", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "a", bytes("one"))).id;
      const lock = expect(await house.lock(file));
      expect(await house.trash(folder));
      assert.equal(outcomeOf(await house.lock(folder)), "node-in-trash");
      assert.deepEqual(await house.locks(rootId, { below: true }), [], "it holds nobody up");
      const whole = expect(await house.lock(rootId));
      expect(await house.release(whole.id));
      expect(await house.purge(folder));
      assert.equal(outcomeOf(await house.release(lock.id)), "lock-not-found");
      assert.deepEqual(await house.locks(rootId, { below: true }), []);
      assert.equal(outcomeOf(await house.lock(file)), "node-not-found");
    });

    test("limits the locks of a space, without those that have expired", async () => {
      await using house = await openDrive(open);
      const { rootId, clock, subject, as, adaId, space } = house;
      const place = (nodeId: typeof rootId) => {
        const lock = {
          id: newId(LockId),
          nodeId,
          spaceId: space.id,
          holderId: adaId,
          scope: "shared" as const,
          coversBelow: false,
          createdAt: clock.now(),
        };
        return expect(Lock.place(lock, LockSeconds.usual, []));
      };
      expect(
        await subject.unitOfWork(as("system"), async ({ locks }) => {
          for (let n = 0; n < maxLocks; n += 1) locks.save(place(rootId));
          return ok(undefined);
        }),
      );
      assert.equal(outcomeOf(await house.lock(rootId, { scope: "shared" })), "too-many-locks");
      clock.advance(LockSeconds.usual * 1_000);
      assert.equal(outcomeOf(await house.lock(rootId)), "ok");
    });
  });
}
