import { Permission } from "#kernel/permission.ts";
import { Permissions } from "../application/permission.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { parses } from "#test/values.ts";
import { ApiKeyName } from "./api-key.ts";
import { Code, PasskeyName } from "./credentials.ts";
import { Email } from "./email.ts";
import { Password } from "./password.ts";
import { Role } from "./role.ts";
import { UserName } from "./user-name.ts";

describe("values of identity", () => {
  test("are spelled in one way", () => {
    parses(UserName, { "  Ada \t\n Lovelace ": "Ada Lovelace", " A ": "A", " ": undefined });
    parses(Email, {
      " Ada@Example.COM ": "ada@example.com",
      "a@b.c.d.e": "a@b.c.d.e",
      "ada@example": undefined,
      "a b@example.com": undefined,
      "x a@example.com": undefined,
      "a@@b.c": undefined,
      "a@b..c": undefined,
      "a@b.c.": undefined,
      "a@b.c d": undefined,
      [`${" ".repeat(309)}a@example.c`]: "a@example.c",
      [`${" ".repeat(310)}a@example.c`]: undefined,
      [`${"a".repeat(64)}@example.co`]: `${"a".repeat(64)}@example.co`,
      [`${"a".repeat(65)}@example.co`]: undefined,
    });
    parses(Code, {
      " 12 34 56 ": "123456",
      "ABCD-efgh": "abcd-efgh",
      "12345": undefined,
      "12_456": undefined,
    });
    parses(PasskeyName, { " My phone ": "My phone", " ": undefined });
    parses(ApiKeyName, { " Build ": "Build", " ": undefined });
    parses(Role, { "shop-keeper": "shop-keeper", Admin: undefined, x: undefined });
    parses(Permission, { "a:*": "a:*", "*:b-c": "*:b-c", "a:": undefined, "a:b:c": undefined });
    assert.equal(Permissions.createApiKey, "api-keys:create");
  });

  test("passwords are kept as they are typed, and not made of what others know", () => {
    parses(Password, { "  spaces  ": "  spaces  ", "1234567": undefined, "12345678": "12345678" });
    const typed = (text: string) => expect(Password.parse(text));
    const words = ["Basalt", "Lea"];
    assert.equal(Password.isMadeOf(typed("BASALT12"), words), true);
    assert.equal(Password.isMadeOf(typed("basalt12345678"), words), true);
    assert.equal(Password.isMadeOf(typed("basalt123456789"), words), false, "it is long");
    assert.equal(Password.isMadeOf(typed("release1"), words), false, "three letters are in many");
    assert.equal(Password.isMadeOf(typed("adaadaad"), ["adaa"]), true);
    assert.equal(Password.isMadeOf(typed("correct1"), words), false);
  });
});
