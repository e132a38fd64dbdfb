import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { CreateApiKey } from "../application/access/api-keys.ts";
import { ChangePolicy } from "../application/access/policies.ts";
import { AssignRoles } from "../application/users/administer-users.ts";
import {
  emailOf,
  goodPassword,
  identityOn,
  otherPassword,
  typeOf,
  withTotp,
  type OpenIdentity,
} from "./fixtures.ts";

/** What wants a recent sign-in is done by no session that has ended since its request was sent, on every adapter. */
export function endedSessionsContract(name: string, open: OpenIdentity): void {
  describe(`requests of ended sessions on ${name}`, () => {
    test("change nothing that takes a recent sign-in", async () => {
      await using house = await identityOn(open);
      const { identity } = house;
      const admin = await house.administrator();
      const ada = await house.signedUp("ada@example.com");
      const { now: code } = await withTotp(house, ada);
      const { userId } = ada;
      const [mine, theirs] = [await ada.asking(), await admin.asking()];
      for (const one of [ada, admin])
        expect(await identity.endSessions({ userId: one.userId }, await one.asking()));
      const events = await house.subject.events();

      const key = { userId, name: "thief", scopes: ["*:*"], expiresInDays: 1 };
      const roles = { userId, roles: ["member", "admin"] };
      const policy = { role: "member", permissions: ["*:*"] };
      const status = "disabled" as const;
      const passwords = { currentPassword: goodPassword, newPassword: otherPassword };
      for (const [what, attempt] of Object.entries({
        createApiKey: identity.createApiKey(expect(CreateApiKey.parse(key)), mine),
        changePassword: identity.changePassword({ userId, ...passwords }, mine),
        enrolTotp: identity.enrolTotp({ userId }, mine),
        activateTotp: identity.activateTotp({ userId, code: code() }, mine),
        removeTotp: identity.removeTotp({ userId }, mine),
        removePasskey: identity.removePasskey({ userId, passkeyId: "x" as never }, mine),
        changeEmail: identity.updateUser({ userId, email: emailOf("eve@example.com") }, mine),
        deleteUser: identity.deleteUser({ userId }, mine),
        setUserStatus: identity.setUserStatus({ userId, status }, theirs),
        assignRoles: identity.assignRoles(expect(AssignRoles.parse(roles)), theirs),
        changePolicy: identity.changePolicy(expect(ChangePolicy.parse(policy)), theirs),
        removeOthersTotp: identity.removeTotp({ userId }, theirs),
      }))
        assert.equal(typeOf(await attempt), "sign-in-too-old", what);
      assert.deepEqual(await house.subject.events(), events);
    });
  });
}
