import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { CreateLink } from "../application/links/manage-links.ts";
import { PlaceLock } from "../application/locks/locks.ts";
import { MoveNode, RestoreNode, TrashNode } from "../application/nodes/move-node.ts";
import { RestorePast } from "../application/time-machine/restore-past.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

/** How repeated requests are answered, on any adapters. */
export function repeatsContract(name: string, open: OpenDrive): void {
  describe(`repeated requests on ${name}`, () => {
    test("a repeated request is answered as the first one was, also after what it is about was deleted for good", async () => {
      await using house = await openDrive(open);
      const { rootId, made, drive, as, adaId, clock } = house;
      const again = (key: string) => ({
        ...as(adaId),
        idempotency: { key, fingerprint: key },
      });
      const nodeId = await made(rootId, "a");
      const at = clock.now();
      clock.advance(1_000);
      const requests = [
        () => drive.moveNode(read(MoveNode, { nodeId, name: "b" }), again("move")),
        () => drive.placeLock(read(PlaceLock, { nodeId }), again("lock")),
        () => drive.createLink(read(CreateLink, { nodeId }), again("link")),
        () => drive.restorePast(read(RestorePast, { nodeId, at }), again("rewind")),
        () => drive.trashNode(read(TrashNode, { nodeId }), again("trash")),
        () => drive.restoreNode(read(RestoreNode, { nodeId }), again("restore")),
      ];
      const told: unknown[] = [];
      for (const ask of requests) told.push(expect<unknown>(await ask()));
      expect(await house.trash(nodeId));
      expect(await house.purge(nodeId));
      for (const [i, ask] of requests.entries())
        assert.deepEqual(expect<unknown>(await ask()), told[i]);
      const late = await drive.moveNode(read(MoveNode, { nodeId, name: "c" }), again("late"));
      assert.equal(outcomeOf(late), "node-not-found");
    });
  });
}
