import { Permission } from "#kernel/permission.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { Policy, Role } from "./role.ts";
import * as events from "./events.ts";

test("a policy has each permission once, and that of administrators is fixed", () => {
  const permissions = ["b:c", "a:b"].map((text) => expect(Permission.parse(text)));
  const sorted = permissions.toSorted();
  const policy = { role: Role.member, permissions, version: Version.none };
  assert.deepEqual(expect(Policy.change(policy, sorted)).events, []);
  const more = expect(Permission.parse("c:d"));
  const changed = expect(Policy.change(policy, [more, ...permissions, more]));
  assert.deepEqual(changed, {
    state: { ...policy, permissions: [...sorted, more] },
    events: [events.PolicyChanged({ role: Role.member, permissions: [...sorted, more] })],
  });
  assert.equal(Policy.create(Role.member, []).events.length, 1);
  const fixed = err({ type: "role-is-fixed", role: Role.admin });
  assert.deepEqual(Policy.change({ ...policy, role: Role.admin }, []), fixed);
});
