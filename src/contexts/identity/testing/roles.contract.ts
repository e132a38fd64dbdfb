import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import { verifyToken } from "./emailed-tokens.ts";
import {
  emailOf,
  goodPassword,
  identityOn,
  nameOf,
  otherPassword,
  permissionOf,
  typeOf,
  withTotp,
  type OpenIdentity,
} from "./fixtures.ts";
import { appointAdministrator } from "../application/users/ensure-administrator.ts";
import { Role } from "../domain/role.ts";
import { ApiKeyName } from "../domain/api-key.ts";

/** Roles, policies and who is disabled, on every adapter of identity's repositories. */
export function rolesContract(name: string, open: OpenIdentity): void {
  const given = () => identityOn(open);

  describe(`roles on ${name}`, () => {
    test("a role counts from the next request on, and so does its policy", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const admin = await house.administrator();
      const role = expect(Role.parse("auditor"));
      const audit = async () => typeOf(await identity.listAudit({}, await ada.asking()));
      const assign = async (...roles: readonly Role[]) =>
        identity.assignRoles({ userId: ada.userId, roles }, await admin.asking());
      assert.deepEqual(await assign(role), err({ type: "unknown-role", role }));
      const policy = { role, permissions: [permissionOf("audit:read")] };
      expect(await identity.changePolicy(policy, await admin.asking()));
      assert.equal(await audit(), "forbidden");
      expect(await assign(role));
      assert.equal(await audit(), "ok");
      expect(await identity.changePolicy({ role, permissions: [] }, await admin.asking()));
      assert.equal(await audit(), "forbidden");
      const policies = expect(await identity.listPolicies({}, await admin.asking()));
      assert.ok(policies.some((known) => known.role === role && known.permissions.length === 0));
    });

    test("`*:own` allows everything on one's own things, and nothing on those of others", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const ada = await house.signedUp("ada@example.com");
      const role = expect(Role.parse("narrow"));
      const permissions = [permissionOf("users:*:own"), permissionOf("api-keys:*:own")];
      expect(await identity.changePolicy({ role, permissions }, await admin.asking()));
      expect(
        await identity.assignRoles({ userId: ada.userId, roles: [role] }, await admin.asking()),
      );
      const scoped = async (userId: typeof ada.userId) => {
        const context = { ...(await ada.asking()), scopes: ["users:*:own"] };
        return typeOf(await identity.getUser({ userId }, context));
      };
      assert.equal(typeOf(await identity.listUsers({}, await ada.asking())), "forbidden");
      const other = { userId: admin.userId };
      assert.equal(typeOf(await identity.getUser(other, await ada.asking())), "forbidden");
      assert.equal(await scoped(admin.userId), "forbidden");
      assert.equal(await scoped(ada.userId), "ok");
    });

    test("roles count once the address is verified, and none is given before", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const policy = { role: Role.member, permissions: [permissionOf("audit:read")] };
      expect(await identity.changePolicy(policy, await admin.asking()));
      const ada = await house.registered("ada@example.com");
      const { userId } = ada;
      const audit = async () => typeOf(await identity.listAudit({}, await ada.asking()));
      assert.equal(await audit(), "forbidden");
      const support = { userId, roles: [Role.member, expect(Role.parse("support"))] };
      const early = await identity.assignRoles(support, await admin.asking());
      assert.deepEqual(early, err({ type: "email-unverified" }));
      expect(await identity.getUser({ userId }, await ada.asking()));

      const token = verifyToken(house, { userId, address: "ada@example.com" });
      expect(await identity.verifyEmail({ token }, await ada.asking()));
      assert.equal(await audit(), "ok");
      expect(await identity.assignRoles(support, await admin.asking()));
    });

    test("an invited administrator administers nothing before they accept, disabled meanwhile or not", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const who = { email: emailOf("new@example.com"), name: nameOf("New") };
      const { id: userId } = expect(await identity.registerUser(who, await admin.asking()));
      const roles = [Role.admin, Role.member];
      expect(await identity.assignRoles({ userId, roles }, await admin.asking()));
      for (const status of ["disabled", "active"] as const)
        expect(await identity.setUserStatus({ userId, status }, await admin.asking()));
      const user = expect(await identity.getUser({ userId }, await admin.asking()));
      assert.equal(user.status, "invited");
      const demoted = await identity.assignRoles(
        { userId: admin.userId, roles: [Role.member] },
        await admin.asking(),
      );
      assert.equal(typeOf(demoted), "last-administrator");
      expect(await identity.resendInvitation({ userId }, await admin.asking()));
    });

    test("administrators keep their permissions, and there is always one", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const { userId } = admin;
      const context = await admin.asking();
      const fixed = await identity.changePolicy({ role: Role.admin, permissions: [] }, context);
      assert.equal(typeOf(fixed), "role-is-fixed");
      const last = "last-administrator";
      const demoted = await identity.assignRoles({ userId, roles: [Role.member] }, context);
      assert.equal(typeOf(demoted), last);
      const disabled = await identity.setUserStatus({ userId, status: "disabled" }, context);
      assert.equal(typeOf(disabled), last);
      assert.equal(typeOf(await identity.deleteUser({ userId }, context)), last);
    });

    test("a role can be made before it has permissions", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const role = expect(Role.parse("trainee"));
      expect(await identity.changePolicy({ role, permissions: [] }, await admin.asking()));
      const { userId } = await house.signedUp("ada@example.com");
      expect(await identity.assignRoles({ userId, roles: [role] }, await admin.asking()));
    });

    test("a permission that nothing asks for is given to no role", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const change = async (...permissions: readonly string[]) =>
        identity.changePolicy(
          { role: expect(Role.parse("clerk")), permissions: permissions.map(permissionOf) },
          await admin.asking(),
        );
      expect(await change("audit:read", "users:read:own", "users:*", "*:list:own"));
      for (const misspelt of ["audits:read", "audit:raed", "audits:*", "*:raed:own"])
        assert.deepEqual(
          await change("audit:read", misspelt),
          err({ type: "unknown-permission", permission: permissionOf(misspelt) }),
        );
      const policies = expect(await identity.listPolicies({}, await admin.asking()));
      const clerk = policies.find(({ role }) => role === "clerk");
      assert.equal(clerk?.permissions.length, 4);
    });

    test("a role may keep a permission that nothing asks for any more", async () => {
      await using house = await identityOn(open, { permissions: [] });
      const { identity } = house;
      const context = await (await house.administrator()).asking();
      const policies = expect(await identity.listPolicies({}, context));
      const { role, permissions } = policies.find((one) => one.role === "support") ?? assert.fail();
      expect(await identity.changePolicy({ role, permissions: permissions.slice(1) }, context));
      const again = await identity.changePolicy({ role, permissions }, context);
      assert.equal(typeOf(again), "unknown-permission");
    });

    test("one of two administrators who remove each other at once stays", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const ada = await house.signedUp("ada@example.com");
      const roles = [Role.admin];
      expect(await identity.assignRoles({ userId: ada.userId, roles }, await admin.asking()));
      const contexts = [await ada.asking(), await admin.asking()] as const;
      const outcomes = await Promise.all([
        identity.deleteUser({ userId: admin.userId }, contexts[0]),
        identity.setUserStatus({ userId: ada.userId, status: "disabled" }, contexts[1]),
      ]);
      const expected = ["ok", "sign-in-too-old"]; // the session of whoever was removed has ended
      assert.deepEqual(outcomes.map(typeOf).toSorted(), expected);
    });

    test("of two administrators whom the system removes at once, one stays", async () => {
      await using house = await given();
      const { identity } = house;
      const admin = await house.administrator();
      const ada = await house.signedUp("ada@example.com");
      const roles = [Role.admin];
      expect(await identity.assignRoles({ userId: ada.userId, roles }, await admin.asking()));
      const system = await house.system();
      const outcomes = await Promise.all([
        identity.deleteUser({ userId: admin.userId }, system),
        identity.setUserStatus({ userId: ada.userId, status: "disabled" }, system),
      ]);
      assert.deepEqual(outcomes.map(typeOf).toSorted(), ["last-administrator", "ok"]);
    });

    test("a disabled user is signed out at once and can sign in again when enabled", async () => {
      await using house = await given();
      const ada = await house.signedUp("ada@example.com");
      const admin = await house.administrator();
      const { userId } = ada;
      const { token } = expect(
        await house.identity.createApiKey(
          {
            userId,
            name: expect(ApiKeyName.parse("robot")),
            scopes: [],
            expiresInDays: 1 as never,
          },
          await ada.asking(),
        ),
      );
      const set = async (status: "active" | "disabled") =>
        house.identity.setUserStatus({ userId, status }, await admin.asking());
      expect(await set("disabled"));
      assert.equal(await house.isAccepted(ada.tokens), false);
      assert.equal((await house.asking(token)).actor, "anonymous");
      assert.equal(typeOf(await house.refresh(ada.tokens)), "session-over");
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      expect(await set("active"));
      assert.equal(await house.isAccepted(ada.tokens), false, "its sessions stay ended");
      assert.equal((await house.asking(token)).actor, "anonymous", "its keys stay revoked");
      expect(await house.signIn("ada@example.com"));
    });

    test("refuses actors without the permission and audits the denial", async () => {
      await using house = await given();
      const { identity } = house;
      const ada = await house.signedUp("ada@example.com");
      const admin = await house.administrator();
      const context = await ada.asking();
      const { userId } = admin;
      const outcomes = [
        await identity.listUsers({}, context),
        await identity.getUser({ userId }, context),
        await identity.getCredentials({ userId }, context),
        await identity.updateUser({ userId, name: nameOf("Mine") }, context),
        await identity.deleteUser({ userId }, context),
        await identity.setUserStatus({ userId, status: "disabled" }, context),
        await identity.assignRoles({ userId: ada.userId, roles: [Role.admin] }, context),
        await identity.changePolicy({ role: Role.member, permissions: [] }, context),
        await identity.listPolicies({}, context),
        await identity.listAudit({}, context),
        await identity.enrolTotp({ userId }, context),
        await identity.beginPasskey({ userId }, context),
        await identity.listApiKeys({ userId }, context),
        await identity.registerUser(
          { email: emailOf("new@example.com"), name: nameOf("New") },
          context,
        ),
      ];
      assert.deepEqual(new Set(outcomes.map(typeOf)), new Set(["forbidden"]));
      const query = { outcome: "forbidden", actor: ada.userId, limit: 200 as never };
      const page = expect(await identity.listAudit(query, await admin.asking()));
      assert.equal(page.items.length, outcomes.length);
      const short = { ...query, limit: 5 as never };
      const first = expect(await identity.listAudit(short, await admin.asking()));
      assert.equal(first.items.length, 5);
      const rest = { ...query, cursor: first.nextCursor as never };
      const next = expect(await identity.listAudit(rest, await admin.asking()));
      assert.deepEqual([...first.items, ...next.items], page.items);
    });

    test("refuses self-registration where registration is by invitation", async () => {
      await using house = await identityOn(open, { registration: "invited" });
      const admin = await house.administrator();
      const who = {
        email: emailOf("ada@example.com"),
        name: nameOf("Ada"),
        password: goodPassword,
      };
      const refused = await house.identity.registerUser(who, await house.asking());
      assert.equal(typeOf(refused), "forbidden");
      expect(await house.identity.registerUser(who, await admin.asking()));
    });

    test("appointing an administrator signs out a user who took the address before", async () => {
      await using house = await given();
      const { identity } = house;
      const squatter = await house.signedUp("ada@example.com");
      await withTotp(house, squatter);
      const email = emailOf("ada@example.com");
      const appointed = expect(await identity.ensureAdministrator({ email }, await house.system()));
      assert.ok(appointed.kind === "appointed" && appointed.made);
      assert.equal(await house.isAccepted(squatter.tokens), false);
      assert.equal(typeOf(await house.signIn("ada@example.com")), "sign-in-refused");
      const { made: password } = appointed;
      const signedIn = expect(
        await identity.signIn(
          { email, password, newPassword: otherPassword },
          await house.asking(),
        ),
      );
      const { accessToken, session } = signedIn;
      assert.equal(session.userId, squatter.userId);
      expect(await identity.listUsers({}, await house.asking(accessToken)));
    });

    test("appointing an invited person who is disabled lets them in", async () => {
      await using house = await given();
      const { identity } = house;
      const email = emailOf("ada@example.com");
      const who = { email, name: nameOf("Ada") };
      const { id: userId } = expect(await identity.registerUser(who, await house.system()));
      const admin = await house.administrator();
      const disabled = { userId, status: "disabled" } as const;
      expect(await identity.setUserStatus(disabled, await admin.asking()));
      const wanted = { email, password: goodPassword };
      expect(await appointAdministrator(house.deps)(wanted, await house.system()));
      const { accessToken } = expect(await house.signIn("ada@example.com"));
      expect(await identity.listUsers({}, await house.asking(accessToken)));
    });

    test("only administrators change the address of another user", async () => {
      await using house = await given();
      const { identity } = house;
      const support = await house.signedUp("support@example.com");
      const admin = await house.administrator();
      const role = expect(Role.parse("helper"));
      const permissions = [permissionOf("users:update")];
      expect(await identity.changePolicy({ role, permissions }, await admin.asking()));
      const roles = { userId: support.userId, roles: [role] };
      expect(await identity.assignRoles(roles, await admin.asking()));
      const { userId } = admin;
      expect(await identity.updateUser({ userId, name: nameOf("Helped") }, await support.asking()));
      const taking = { userId, email: emailOf("mine@example.com") };
      assert.equal(typeOf(await identity.updateUser(taking, await support.asking())), "forbidden");
    });
  });
}
