import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { complaintOf, importsOf, type Source } from "./imports.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { imports: subpaths } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly imports: Readonly<Record<string, string>>;
};

const isTest = (file: string) => /\.(test|contract|services|d)\.ts$|\/testing\//.test(file);
const sources = globSync("src/**/*.ts", { cwd: root })
  .map((file) => file.replaceAll(path.sep, "/"))
  .filter((file) => !isTest(file))
  .map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));

const complaintsOf = (source: Source): readonly string[] =>
  importsOf(source, subpaths).flatMap((one) => complaintOf(one) ?? []);

test("every import in src keeps the dependency rule", () => {
  assert.ok(sources.length > 200, "the sources were found");
  assert.deepEqual(sources.flatMap(complaintsOf), []);
});

test("the example of an own context keeps it as well", () => {
  const files = globSync("examples/notes/**/*.ts", { cwd: root });
  assert.ok(files.length > 5, "the example was found");
  const moved = files
    .filter((file) => !isTest(file))
    .map((file) => ({
      file: file.replaceAll(path.sep, "/").replace("examples/", "src/contexts/"),
      text: readFileSync(path.join(root, file), "utf8"),
    }));
  assert.deepEqual(moved.flatMap(complaintsOf), []);
});

const outside = [
  "pg",
  "node:fs",
  "fastify",
  "../../../../test/support/until.ts",
  "#test/until.ts",
  "/etc/passwd",
];
const platform = ["#platform/unavailable.ts", "../../../platform/unavailable.ts"];

/** What a person would write in a layer of the context `c`, with another context `other` beside it. */
const refused = (c: string, other: string): Readonly<Record<string, readonly string[]>> => {
  const past = [
    `../../${other}/domain/x.ts`,
    `../../${other}/application/x.ts`,
    `../../../contexts/${other}/infrastructure/x.ts`,
    `#contexts/${other}/testing`,
    `#contexts/${c}/testing`,
  ];
  const doors = [`#contexts/${other}`, `../../${other}/index.ts`];
  return {
    domain: [
      ...outside,
      ...platform,
      ...past,
      ...doors,
      `#contexts/${c}`,
      "../index.ts",
      "../application/x.ts",
      "../infrastructure/x.ts",
      "../presentation/x.ts",
      "../../../main.ts",
    ],
    application: [
      ...outside,
      ...platform,
      ...past,
      ...doors,
      `#contexts/${c}`,
      "../index.ts",
      "../infrastructure/x.ts",
      "../presentation/x.ts",
      "../../../main.ts",
    ],
    infrastructure: [
      ...past,
      ...platform.slice(1),
      ...doors.slice(1),
      "../presentation/x.ts",
      "../index.ts",
      "../../../main.ts",
      "../../../../test/support/until.ts",
    ],
    presentation: [
      ...past,
      ...platform.slice(1),
      ...doors.slice(1),
      "../infrastructure/x.ts",
      "pg",
      "#platform/process/postgres.ts",
      "#platform/postgres/database.ts",
      "../../../platform/postgres/database.ts",
      "../../../main.ts",
      "../../../../test/support/until.ts",
    ],
  };
};

/** Each way to name a module. */
const forms = [
  (specifier: string) => `import { x } from "${specifier}";`,
  (specifier: string) => `import * as x from "${specifier}";`,
  (specifier: string) => `import type { X } from "${specifier}";`,
  (specifier: string) => `import "${specifier}";`,
  (specifier: string) => `export * from "${specifier}";`,
  (specifier: string) => `export type { X } from "${specifier}";`,
  (specifier: string) => `export const x = await import("${specifier}");`,
  (specifier: string) => `export type X = import("${specifier}").X;`,
  (specifier: string) => `export const x = await import(/* why */ "${specifier}");`,
  (specifier: string) => `export const x = await import(\`${specifier}\`);`,
];

const contexts = readdirSync(path.join(root, "src/contexts"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe("the dependency rule refuses", () => {
  for (const [i, context] of contexts.entries())
    for (const [room, specifiers] of Object.entries(refused(context, contexts[i - 1] ?? "another")))
      test(`what the ${room} of ${context} must not know, however it is written`, () => {
        for (const specifier of specifiers)
          for (const form of forms) {
            const source = {
              file: `src/contexts/${context}/${room}/planted.ts`,
              text: form(specifier),
            };
            assert.equal(complaintsOf(source).length, 1, `${room}: ${source.text}`);
          }
      });

  test("the same from a subfolder, where the way is longer", () => {
    for (const context of contexts)
      for (const specifier of [
        "../../infrastructure/x.ts",
        "../../../another/domain/x.ts",
        "#contexts/another",
        "#platform/system.ts",
      ]) {
        const source = {
          file: `src/contexts/${context}/domain/deep/planted.ts`,
          text: `import "${specifier}";`,
        };
        assert.equal(complaintsOf(source).length, 1, specifier);
      }
  });

  test("a context, the composition root and tests in the platform; the platform in the kernel", () => {
    const inPlatform = [
      "#contexts/identity",
      "../contexts/identity/index.ts",
      "../../src/contexts/identity/domain/user.ts",
      "../main.ts",
      "../../test/support/until.ts",
    ];
    for (const specifier of inPlatform)
      assert.equal(
        complaintsOf({ file: "src/platform/planted.ts", text: `import "${specifier}";` }).length,
        1,
        specifier,
      );
    for (const specifier of [
      ...inPlatform,
      "#platform/system.ts",
      "../platform/system.ts",
      "node:crypto",
      "pg",
    ])
      assert.equal(
        complaintsOf({ file: "src/kernel/planted.ts", text: `import "${specifier}";` }).length,
        1,
        specifier,
      );
  });
});

test("the dependency rule lets only the composition import a context", () => {
  const planted = (file: string, specifier: string) =>
    complaintsOf({ file, text: `import { x } from "${specifier}";` }).length;
  assert.equal(planted("src/composition.ts", "./contexts/identity/module.ts"), 0);
  assert.equal(planted("src/main.ts", "./contexts/identity/module.ts"), 1);
  assert.equal(planted("src/console/planted.ts", "../contexts/identity/domain/user.ts"), 1);
  assert.equal(planted("src/console/planted.ts", "#contexts/identity"), 1);
});

test("the dependency rule allows what each layer needs", () => {
  const allowed = {
    domain: ["#kernel/event.ts", "./x.ts", "./deep/x.ts"],
    application: ["#kernel/event.ts", "../domain/x.ts", "./deep/x.ts"],
    infrastructure: [
      "pg",
      "node:fs",
      "#platform/postgres/database.ts",
      "../application/x.ts",
      "#contexts/another",
    ],
    presentation: [
      "#platform/http/route.ts",
      "../application/x.ts",
      "../index.ts",
      "#contexts/another",
    ],
  };
  for (const [room, specifiers] of Object.entries(allowed))
    for (const specifier of specifiers)
      assert.deepEqual(
        complaintsOf({ file: `src/contexts/one/${room}/x.ts`, text: `import "${specifier}";` }),
        [],
      );
});

/** Whether SQL names a table in the schema of another context. */
const reaching = (own: string) => {
  const others = contexts.filter((name) => name !== own).join("|");
  return new RegExp(
    `\\b(?:from|join|into|update|table|references|on)\\s+(?:${others})(?:_\\w+)?\\.`,
    "i",
  );
};

test("no context reads or writes the tables of another one", () => {
  const files = globSync("src/contexts/*/{*,**/*}.{ts,sql}", { cwd: root }).map((file) =>
    file.replaceAll(path.sep, "/"),
  );
  assert.ok(files.length > 150);
  const found = [...new Set(files)].filter((file) => {
    const own = /^src\/contexts\/([^/]+)\//.exec(file)?.[1] ?? "";
    return !isTest(file) && reaching(own).test(readFileSync(path.join(root, file), "utf8"));
  });
  assert.deepEqual(found, []);
  for (const sql of [
    "select 1 from identity.users",
    "insert INTO identity.users",
    "join identity.users u",
  ])
    assert.ok(reaching("catalog").test(sql), sql);
  assert.equal(
    reaching("catalog").test("select from catalog.products, catalog_search.terms"),
    false,
  );
});

const withoutComments = (text: string) => text.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");

/** Contexts of Basalt. Those of a team may have names that are words of the platform as well. */
const ours = ["identity", "catalog"];
/** Whether code names a context: one of Basalt in any way, others as a schema or in a path. */
const naming = new RegExp(
  `\\b(?:${ours.join("|")})(?:_\\w+)?\\b|(?:["'\`\\s(]|#contexts/)(?:${contexts.join("|")})(?:["'\`./])`,
);

test("no code outside of the contexts names one, but for the composition root", () => {
  const found = sources
    .filter(({ file }) => !file.startsWith("src/contexts/") && file !== "src/composition.ts")
    .flatMap(({ file, text }) => {
      const [named] = naming.exec(withoutComments(text)) ?? [];
      return named === undefined ? [] : [`${file}: ${named}`];
    });
  assert.deepEqual(found, []);
});

test("code that names a context is seen, however it does", () => {
  for (const code of [
    'const schema = "identity";',
    "select id from identity.users",
    'name: "identity.welcome-email"',
    'import { x } from "#contexts/identity";',
    "path.join(contexts, `identity/infrastructure`)",
    "alter schema identity rename to people",
    'const table = "catalog_search.products";',
    "const { identity } = provided;",
    'const path = "/api/v1/catalog";',
  ])
    assert.ok(naming.test(withoutComments(code)), code);
});
