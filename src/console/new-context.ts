import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { isModuleName } from "#platform/process/composition.ts";
import { reservedInCode, reservedInSql } from "./reserved-words.ts";

const root = path.resolve(import.meta.dirname, "../..");
const contexts = path.join(root, "src/contexts");
const example = path.join(root, "examples/notes");
const composition = path.join(root, "src/composition.ts");

/** A refused command, with a message that says what to do. */
class Refused extends Error {
  override readonly name = "Refused";
}

type Names = {
  /** Of the context, its schema and its routes. */
  readonly many: string;
  /** Of its aggregate. */
  readonly one: string;
};

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
const isWord = (text: string) => /^[a-z]{2,30}$/.test(text) && !reservedInCode.has(text);

function refuse({ many, one }: Names): void {
  if (!isWord(many) || !isWord(one) || reservedInSql.has(many) || !isModuleName(many))
    throw new Refused(
      "a context is named by one plural word of lower-case letters (tickets, things) that neither TypeScript, SQL nor Basalt reserves",
    );
  if (many === one)
    throw new Refused(`name the aggregate with --one, as in \`new context ${many} --one NAME\``);
  if (!existsSync(example))
    throw new Refused("examples/notes is not here: run this in a checkout of Basalt");
  if (tablesOfLogs().has(many))
    throw new Refused(`each event log has a table named ${many}: choose another name`);
  if (existsSync(path.join(contexts, many)))
    throw new Refused(`src/contexts/${many} exists already`);
  const where = whereTaken(one) ?? whereTaken(many) ?? whereNamed(many);
  if (where !== undefined)
    throw new Refused(`${where}: choose another name, or --one for the aggregate`);
}

/** Tables of an event log, which lie in the schema of its context beside that of the aggregate. */
const tablesOfLogs = (): ReadonlySet<string> =>
  new Set(
    texts("src/platform/events/migrations", "*.sql", /--.*/g).flatMap((text) =>
      [...text.matchAll(/create table \{schema\}\.(\w+)/g)].map(([, table = ""]) => table),
    ),
  );

const textsAndComments = /\/\*[^]*?\*\/|\/\/.*|"[^"\n]*"|`[^`]*`/g;
const comments = /\/\*[^]*?\*\/|\/\/.*/g;

const texts = (folder: string, glob: string, ignored: RegExp) =>
  globSync(glob, { cwd: path.join(root, folder), exclude: ["**/*.{test,contract}.ts"] }).map(
    (file) => readFileSync(path.join(root, folder, file), "utf8").replaceAll(ignored, ""),
  );
const isIn = (found: readonly string[], pattern: RegExp) =>
  found.some((text) => pattern.test(text));

/** What else has the name of a context: code outside of contexts, as the rule has it, or a route. */
function whereNamed(name: string): string | undefined {
  const outside = texts("src", "{*,console/**/*,kernel/**/*,platform/**/*}.ts", comments);
  if (isIn(outside, new RegExp(`["'\`\\s(]${name}["'\`./]`)))
    return `code outside of contexts uses the name ${name}`;
  if (isIn(texts("src/contexts", "*/presentation/*.ts", comments), new RegExp(`"/${name}["/]`)))
    return `there are routes named ${name}`;
  return undefined;
}

/** What else has this name: a global, or a word of the example. */
function whereTaken(word: string): string | undefined {
  if (capital(word) in globalThis) return `${capital(word)} is a global of JavaScript or Node`;
  if (word === "note" || word === "notes") return undefined;
  const code = texts("examples/notes", "**/*.ts", textsAndComments);
  for (const used of [word, capital(word)])
    if (isIn(code, new RegExp(`\\b${used}\\b`))) return `the example uses the name ${used}`;
  return undefined;
}

/** The example's words in those of the new context, each replaced once. */
function renamed(text: string, { many, one }: Names): string {
  const words: Readonly<Record<string, string>> = {
    notes: many,
    Notes: capital(many),
    note: one,
    Note: capital(one),
  };
  const article = /^[aeiou]/.test(one) ? "n" : "";
  return text
    .replaceAll(/\b([Aa]) note\b/g, `$1${article} note`)
    .replaceAll(/[Nn]otes?/g, (word) => words[word] ?? word);
}

/** The composition with the module at the end of its list; refuses one that it cannot read. */
function pluggedIn(text: string, { many }: Names): string {
  const list = /^export const modules = \[([\w,\s]*)\];$/m.exec(text);
  if (!list)
    throw new Refused(
      "src/composition.ts has no list `export const modules = […];` of plain names",
    );
  const names = (list[1] ?? "").split(",").map((name) => name.trim());
  const all = [...names.filter((name) => name !== ""), many].join(", ");
  const added = text.replace(list[0], `export const modules = [${all}];`);
  return `import { ${many} } from "./contexts/${many}/module.ts";\n${added}`;
}

/** Copies the example beside its place, and moves it there at once when it is whole. */
function copyExample(names: Names): readonly string[] {
  const beside = mkdtempSync(path.join(contexts, ".new-"));
  try {
    cpSync(example, beside, { recursive: true });
    const files = globSync("**/*.*", { cwd: beside }).toSorted();
    const made = files.map((file) => {
      const [from, to] = [path.join(beside, file), path.join(beside, renamed(file, names))];
      writeFileSync(from, renamed(readFileSync(from, "utf8"), names));
      renameSync(from, to);
      return `src/contexts/${names.many}/${renamed(file, names)}`;
    });
    renameSync(beside, path.join(contexts, names.many));
    return made;
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Makes `src/contexts/NAME` from the example, plugs it in and writes the documents that name contexts. */
export function newContext(
  many: string,
  { one = many.replace(/s$/, "") }: { readonly one?: string },
): void {
  const names = { many, one };
  refuse(names);
  const plugged = pluggedIn(readFileSync(composition, "utf8"), names);
  for (const file of copyExample(names)) console.log(`made ${file}`);
  writeFileSync(composition, plugged);
  console.log("added it to src/composition.ts");
  const made = [`src/contexts/${many}`, "src/composition.ts"];
  for (const script of [["documents"], ["format", "--", ...made]]) {
    const { status } = spawnSync("npm", ["run", "--silent", ...script], {
      cwd: root,
      stdio: "inherit",
      shell: process.platform === "win32",
    });
    if (status !== 0)
      throw new Refused(
        `the context is made and plugged in, but \`npm run ${script[0]}\` failed: ` +
          "run `npm run documents` and `npm run format` when its cause is mended",
      );
  }
  console.log(
    `\nThe context ${many} is served by the next \`npm start\`; its tests run with \`npm test\`.\n` +
      "What its files are for: docs/guides/your-own-context.md",
  );
}
