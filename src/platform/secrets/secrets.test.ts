import assert from "node:assert/strict";
import { chmod, stat } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { scratch } from "#test/basalt.ts";
import { masterKeyFile } from "./master-key-file.ts";
import { createSecrets, masterKeys, newMasterKey, SecretSealed } from "./secrets.ts";

const keysOf = (...texts: readonly string[]) => createSecrets(masterKeys(texts.join(",")));
const old = newMasterKey();
const secrets = keysOf(old);

test("opens sealed secrets and seals none alike", () => {
  fc.assert(
    fc.property(fc.string(), (plain) => {
      const sealed = secrets.seal(plain, "totp", "row-1");
      assert.equal(secrets.open(sealed, "totp", "row-1"), plain);
      assert.notEqual(sealed, secrets.seal(plain, "totp", "row-1"));
    }),
  );
});

test("a secret moved to another row or purpose, or changed in one bit, is not opened", () => {
  const sealed = secrets.seal("seed", "totp", "row-1");
  assert.throws(() => secrets.open(sealed, "totp", "row-2"));
  assert.throws(() => secrets.open(sealed, "keys", "row-1"));
  const bytes = Buffer.from(sealed.split(".")[1] ?? "", "base64url");
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const garbled = `${sealed.split(".")[0]}.${flipped.toString("base64url")}`;
    assert.throws(() => secrets.open(garbled, "totp", "row-1"));
  }
  assert.throws(() => secrets.open("", "totp", "row-1"), SecretSealed);
});

test("an older master key still opens and verifies; without it the error names the key", () => {
  const sealed = secrets.seal("seed", "totp", "row-1");
  const signature = secrets.sign("text", "tokens");
  const rotated = keysOf(newMasterKey(), old);
  assert.equal(rotated.open(sealed, "totp", "row-1"), "seed");
  assert.ok(rotated.isSigned("text", signature, "tokens"));
  assert.notEqual(rotated.sign("text", "tokens"), signature);
  const both = [rotated.sign("text", "tokens"), signature];
  assert.deepEqual(rotated.signByAll("text", "tokens"), both);

  const without = keysOf(newMasterKey());
  assert.throws(() => without.open(sealed, "totp", "row-1"), /sealed with master key [\da-f]{8}/);
  assert.ok(!without.isSigned("text", signature, "tokens"));
});

test("only the one spelling of a signature counts, and only for its text and purpose", () => {
  const signature = secrets.sign("text", "tokens");
  assert.ok(secrets.isSigned("text", signature, "tokens"));
  assert.ok(!secrets.isSigned("text", `${signature}=`, "tokens"));
  assert.ok(!secrets.isSigned("texts", signature, "tokens"));
  assert.ok(!secrets.isSigned("text", signature, "cookies"));
  assert.ok(!secrets.isSigned("text", "", "tokens"));
});

test("a text that is no list of keys is refused", () => {
  for (const text of ["", "short", `${old},`, Array.from({ length: 9 }, () => old).join(",")])
    assert.throws(() => masterKeys(text), /master key/);
});

test("the key file is made once, for its owner alone; one that others can read is refused", async () => {
  await using folder = await scratch();
  const key = masterKeyFile(folder.path);
  assert.equal(masterKeyFile(folder.path), key);
  const file = path.join(folder.path, "master.key");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await chmod(file, 0o644);
  assert.throws(() => masterKeyFile(folder.path), /can be read by others/);
});
