import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { FollowChanges, ListChanges } from "../application/changes/list-changes.ts";
import { FindByPath, ListTrash } from "../application/nodes/read-nodes.ts";
import { InviteMember } from "../application/spaces/invitations.ts";
import { DeleteSpace, RenameSpace } from "../application/spaces/change-space.ts";
import { GetSpace, OpenSpace } from "../application/spaces/spaces.ts";
import { InvitationId, SpaceId, UserId } from "../domain/ids.ts";
import { Invitation, type Address } from "../domain/invitation.ts";
import { maxMembers, Space } from "../domain/space.ts";
import { addressOf, openDrive, outcomeOf, read, toldOf, type OpenDrive } from "./fixtures.ts";

const [dayMs, days] = [86_400_000, 30];
const bytes = (text: string) => Buffer.from(text);

/** Spaces are shared alike on every adapter. */
export function membersContract(name: string, open: OpenDrive): void {
  const given = () => openDrive(open);

  describe(`members of spaces on ${name}`, () => {
    test("lets whoever is invited join, and lists the space among theirs", async () => {
      await using house = await given();
      const { drive, as, adaId, bobId, space } = house;
      const invitation = expect(await house.invite(bobId, "viewer"));
      assert.equal(invitation.email, addressOf(bobId));
      assert.deepEqual(expect(await house.invited()), [invitation]);
      const [told] = await house.invitations();
      assert.deepEqual([told?.invitation, told?.space.name], [invitation, "My files"]);
      assert.deepEqual(await house.invitations(adaId), [], "nobody else is told");
      assert.equal(outcomeOf(await house.accept(invitation.id, adaId)), "forbidden");

      expect(await house.accept(invitation.id));
      const [member] = expect(await house.members(bobId));
      assert.deepEqual([member?.userId, member?.role], [bobId, "viewer"]);
      const spaces = expect(await drive.listSpaces({}, as(bobId)));
      assert.deepEqual(
        spaces.map(({ id }) => id),
        [space.id],
      );
      assert.deepEqual(expect(await house.invited()), []);
      assert.equal(outcomeOf(await house.accept(invitation.id)), "invitation-not-found");
      assert.deepEqual((await house.subject.events()).slice(-3), [
        "drive.member-invited",
        "drive.invitation-ended",
        "drive.member-joined",
      ]);
      assert.doesNotMatch(
        await house.subject.payloads(),
        /example\.com/,
        "no address is in events",
      );
    });

    test("lets viewers read all that is in a space, and change nothing", async () => {
      await using house = await given();
      const { drive, as, bobId, rootId, space } = house;
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "file", bytes("one"))).id;
      const at = house.clock.now();
      const reads = () => [
        house.seen(file, bobId),
        house.past(folder, at, {}, bobId),
        house.manifest(file, {}, bobId),
        drive.getSpace(read(GetSpace, { spaceId: space.id }), as(bobId)),
        drive.findByPath(read(FindByPath, { spaceId: space.id, path: "/folder" }), as(bobId)),
        drive.listTrash(read(ListTrash, { spaceId: space.id }), as(bobId)),
        drive.listChanges(read(ListChanges, { spaceId: space.id }), as(bobId)),
        house.members(bobId),
      ];
      for (const refused of await Promise.all(reads()))
        assert.equal(outcomeOf(refused), "forbidden", "before they have joined");
      await house.join(bobId, "viewer");
      for (const allowed of await Promise.all(reads())) assert.equal(outcomeOf(allowed), "ok");
      for (const refused of [
        await house.folder(folder, "more", bobId),
        await house.file(folder, "more", bytes("x"), { context: as(bobId) }),
        await house.begin(folder, bytes("x"), {}, bobId),
        await house.move(file, { name: "mine" }, bobId),
        await house.trash(file, {}, bobId),
        await house.copy(file, { name: "copy" }, bobId),
        await house.rewind(folder, at, {}, bobId),
        await house.link(file, {}, bobId),
        await house.invite(newId(UserId), "editor", bobId),
        await house.invited(bobId),
        await house.changeMember(bobId, "editor", bobId),
      ])
        assert.equal(outcomeOf(refused), "forbidden");
      const own = expect(await drive.openSpace(read(OpenSpace, { name: "Bob's" }), as(bobId)));
      const copy = expect(await house.copy(file, { parentId: own.rootId }, bobId));
      assert.equal(copy.spaceId, own.id, "who may read may keep a copy");
    });

    test("lets editors change and share what is in a space, and not the space itself", async () => {
      await using house = await given();
      const { bobId, rootId } = house;
      await house.join(bobId, "editor");
      const folder = expect(await house.folder(rootId, "folder", bobId)).id;
      const content = bytes("sent in one chunk");
      const { id } = expect(await house.begin(folder, content, {}, bobId)).upload;
      expect(await house.send(id, "0", content, bobId));
      const file = expect(await house.commit(id, bobId)).id;
      assert.ok((await house.bytesOf(file)).equals(content), "the owner sees it");
      assert.equal(toldOf(content).size, content.length);
      expect(await house.move(file, { name: "renamed" }, bobId));
      const link = expect(await house.link(file, {}, bobId)).link;
      expect(await house.revoke(link.id, bobId));
      expect(await house.trash(file, {}, bobId));
      assert.equal(outcomeOf(await house.invite(newId(UserId), "editor", bobId)), "forbidden");
      assert.equal(outcomeOf(await house.changeMember(bobId, "viewer", bobId)), "forbidden");
    });

    test("ends a membership at once, with its streams, uploads and links", async () => {
      await using house = await given();
      const { drive, as, bobId, rootId, space, linkTokens } = house;
      await house.join(bobId, "editor");
      const file = expect(await house.file(rootId, "file", bytes("one"))).id;
      const { link } = expect(await house.link(file, {}, bobId));
      const token = linkTokens.tokenOf(link.id);
      assert.equal(outcomeOf(await house.shared(token)), "ok");
      const { upload } = expect(await house.begin(rootId, bytes("two"), {}, bobId));
      expect(await house.send(upload.id, "0", bytes("two"), bobId));
      const following = read(FollowChanges, { spaceId: space.id });
      const { next } = expect(await drive.followChanges(following, as(bobId)));
      expect(await next());

      expect(await house.removeMember(bobId));
      assert.equal(outcomeOf(await next()), "forbidden");
      assert.equal(outcomeOf(await house.commit(upload.id, bobId)), "forbidden");
      assert.equal(outcomeOf(await house.shared(token)), "link-not-found");
      assert.equal(outcomeOf(await house.seen(file, bobId)), "forbidden");
      assert.deepEqual(expect(await drive.listSpaces({}, as(bobId))), []);
      assert.equal(outcomeOf(await house.removeMember(bobId)), "member-not-found");
      assert.equal(outcomeOf(await house.revoke(link.id)), "link-not-found");
    });

    test("gives a member the role of another invitation, and leaves none open behind", async () => {
      await using house = await given();
      const { bobId, rootId, linkTokens } = house;
      await house.join(bobId, "viewer");
      await house.join(bobId, "editor");
      assert.deepEqual(
        expect(await house.members()).map(({ role }) => role),
        ["editor"],
      );
      const { link } = expect(await house.link(rootId, {}, bobId));
      const { id } = expect(await house.invite(bobId, "editor"));
      expect(await house.removeMember(bobId));
      assert.equal(outcomeOf(await house.accept(id)), "invitation-not-found");
      await house.join(bobId, "viewer");
      const shared = await house.shared(linkTokens.tokenOf(link.id));
      assert.equal(outcomeOf(shared), "link-not-found", "a link does not come back");
    });

    test("changes roles, and lets members leave", async () => {
      await using house = await given();
      const { bobId, rootId } = house;
      await house.join(bobId, "viewer");
      assert.equal(expect(await house.changeMember(bobId, "editor")).role, "editor");
      expect(await house.folder(rootId, "folder", bobId));
      expect(await house.changeMember(bobId, "viewer"));
      assert.equal(outcomeOf(await house.folder(rootId, "more", bobId)), "forbidden");
      assert.equal(
        outcomeOf(await house.changeMember(newId(UserId), "viewer")),
        "member-not-found",
      );
      expect(await house.removeMember(bobId, bobId));
      assert.deepEqual(expect(await house.members()), []);
      await house.join(bobId, "editor");
    });

    test("takes an invitation back, lets it be declined, and lets it expire", async () => {
      await using house = await given();
      const { adaId, bobId, clock } = house;
      const first = expect(await house.invite(bobId)).id;
      assert.equal(outcomeOf(await house.invite(bobId, "viewer")), "already-invited");
      assert.equal(outcomeOf(await house.endInvitation(first, newId(UserId))), "forbidden");
      expect(await house.endInvitation(first, adaId));
      assert.equal(outcomeOf(await house.accept(first)), "invitation-not-found");
      expect(await house.endInvitation(expect(await house.invite(bobId)).id, bobId));
      const last = expect(await house.invite(bobId)).id;
      clock.advance(days * dayMs);
      assert.deepEqual(await house.invitations(), []);
      assert.equal(outcomeOf(await house.accept(last)), "invitation-not-found");
      assert.equal(outcomeOf(await house.accept(newId(InvitationId))), "invitation-not-found");
      expect(await house.invite(bobId)); // the address is free again
    });

    test("refuses to invite the owner, an address that no mail reaches, and too many people", async () => {
      await using house = await given();
      const { adaId, bobId } = house;
      assert.equal(outcomeOf(await house.invite(adaId)), "already-member");
      await house.join(bobId, "viewer"); // a member counts like an invitation
      const odd = { spaceId: house.space.id, email: "x@nowhere.invalid", role: "viewer" };
      const refused = await house.drive.inviteMember(read(InviteMember, odd), house.as(adaId));
      assert.equal(outcomeOf(refused), "address-invalid");
      for (let n = 1; n < maxMembers; n += 1) expect(await house.invite(newId(UserId)));
      assert.equal(outcomeOf(await house.invite(newId(UserId))), "too-many-members");
    });

    test("lets one of racing answers to an invitation count", async () => {
      await using house = await given();
      const { adaId, bobId } = house;
      for (let round = 0; round < 5; round += 1) {
        const { id } = expect(await house.invite(bobId));
        const [joined, again, ended] = await Promise.all([
          house.accept(id),
          house.accept(id),
          house.endInvitation(id, adaId),
        ]);
        const wins = [joined, again, ended].filter(({ ok }) => ok);
        assert.equal(wins.length, 1, [joined, again, ended].map(outcomeOf).join(" "));
        const members = expect(await house.members());
        assert.equal(members.length, joined.ok || again.ok ? 1 : 0);
        if (members.length > 0) expect(await house.removeMember(bobId));
      }
    });

    test("renames a space with its root, and deletes one that nothing is in", async () => {
      await using house = await given();
      const { drive, as, adaId, bobId, rootId, space, linkTokens } = house;
      const spaceId = space.id;
      await house.join(bobId, "editor");
      const rename = (actor: string) =>
        drive.renameSpace(read(RenameSpace, { spaceId, name: "Ours" }), as(actor));
      const remove = (actor: string = adaId) =>
        drive.deleteSpace(read(DeleteSpace, { spaceId }), as(actor));
      assert.equal(outcomeOf(await rename(bobId)), "forbidden");
      assert.equal(expect(await rename(adaId)).name, "Ours");
      assert.equal(expect(await house.seen(rootId, bobId)).node.name, "Ours");
      assert.equal(expect(await house.members()).length, 1, "the members stay");

      const folder = await house.made(rootId, "folder");
      assert.equal(outcomeOf(await remove()), "space-not-empty");
      expect(await house.trash(folder));
      assert.equal(outcomeOf(await remove()), "space-not-empty", "it could come back");
      expect(await house.purge(folder));
      assert.equal(outcomeOf(await remove(bobId)), "forbidden");
      const { id } = expect(await house.invite(newId(UserId)));
      const { link } = expect(await house.link(rootId));
      expect(await remove());
      assert.equal(outcomeOf(await house.shared(linkTokens.tokenOf(link.id))), "link-not-found");
      assert.doesNotMatch(await house.subject.payloads(), /Ours|My files/, "nor its names");
      assert.equal(outcomeOf(await house.seen(rootId)), "node-not-found");
      assert.equal(outcomeOf(await house.endInvitation(id, adaId)), "invitation-not-found");
      assert.deepEqual(expect(await drive.listSpaces({}, as(bobId))), []);
    });

    test("leaves nothing behind when files are made in a space that is being deleted", async () => {
      await using house = await given();
      const { drive, as, adaId } = house;
      for (let round = 0; round < 5; round += 1) {
        const { id, rootId } = expect(
          await drive.openSpace(read(OpenSpace, { name: `space ${round}` }), as(adaId)),
        );
        const [made, gone] = await Promise.all([
          house.file(rootId, "file", bytes("x")),
          drive.deleteSpace(read(DeleteSpace, { spaceId: id }), as(adaId)),
        ]);
        assert.ok(!(made.ok && gone.ok), "one of both has to give way");
        assert.equal(outcomeOf(await house.seen(rootId)), gone.ok ? "node-not-found" : "ok");
      }
    });

    test("keeps no invitation and no member of a space that is gone", async () => {
      await using house = await given();
      const { drive, subject, as, adaId, bobId, clock } = house;
      const space = expect(await drive.openSpace(read(OpenSpace, { name: "Gone" }), as(adaId)));
      await subject.unitOfWork(as("system"), async ({ personalData }) => {
        await personalData.erase(adaId);
        return { ok: true, value: undefined };
      });
      const member = { userId: bobId, role: "viewer", joinedAt: clock.now() } as const;
      const joined = await subject.unitOfWork(as(bobId), async ({ spaces }) => ({
        ok: true,
        value: spaces.save(expect(Space.join(space, member))),
      }));
      assert.equal(outcomeOf(joined), "conflict");
      const [id, spaceId] = [newId(InvitationId), newId(SpaceId)];
      const now = clock.now();
      const facts = {
        email: addressOf(bobId) as Address,
        role: "viewer",
        invitedBy: adaId,
      } as const;
      const late = await subject.unitOfWork(as(adaId), async ({ invitations }) => {
        const invitation = { id, spaceId, ...facts, createdAt: now, expiresAt: now };
        return { ok: true, value: invitations.save(Invitation.create(invitation)) };
      });
      assert.equal(outcomeOf(late), "conflict");
    });

    test("forgets memberships and invitations of whoever is erased", async () => {
      await using house = await given();
      const { as, adaId, bobId, subject } = house;
      await house.join(bobId, "editor");
      const erase = (userId: UserId) =>
        subject.unitOfWork(as("system"), async ({ personalData }) => {
          await personalData.erase(userId);
          return { ok: true, value: undefined };
        });
      await erase(bobId);
      assert.deepEqual(expect(await house.members()), []);
      const { id } = expect(await house.invite(bobId));
      await erase(adaId);
      assert.equal(outcomeOf(await house.accept(id)), "invitation-not-found");
      assert.deepEqual(await house.invitations(), []);
    });
  });
}
