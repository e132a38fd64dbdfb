import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compositionOf } from "#platform/process/composition.ts";
import { basalt } from "../composition.ts";

const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "examples/notes");
const composition = path.join(root, "src/composition.ts");

/** A refused command, with a message that says what to do. */
class Refused extends Error {
  override readonly name = "Refused";
}

const reserved = new Set(
  (
    "as async await break case catch class const continue debugger default delete do else enum export extends " +
    "false finally for from function get if implements import in interface let new null of package private " +
    "protected public return set static super switch this throw true try type typeof var void while with yield"
  ).split(" "),
);
const isWord = (text: string): boolean => /^[a-z]{2,30}$/.test(text) && !reserved.has(text);
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

type Names = {
  /** Of the context, its schema and its routes. */
  readonly many: string;
  /** Of its aggregate. */
  readonly one: string;
};

function refuse({ many, one }: Names): void {
  if (!isWord(many) || !isWord(one))
    throw new Refused(
      "a context is named by one plural word of lower-case letters, such as `things`",
    );
  if (many === one)
    throw new Refused(`name the aggregate with --one, as in \`new context ${many} --one NAME\``);
  if (!existsSync(example))
    throw new Refused("examples/notes is not here: run this in a checkout of Basalt");
  if (existsSync(folderOf(many))) throw new Refused(`src/contexts/${many} exists already`);
  const taken = [many, one].find((word) => wordsOfExample().has(word));
  if (taken !== undefined)
    throw new Refused(`${taken} is a word of the example: choose another name`);
  const [any] = basalt.modules;
  if (any) compositionOf([...basalt.modules, { ...any, name: many, needs: [], settings: {} }]);
}

const textsAndComments = /\/\*[^]*?\*\/|\/\/.*|"[^"\n]*"|`[^`]*`/g;

/** Words that would be two things in one file, but for those that are replaced. */
function wordsOfExample(): ReadonlySet<string> {
  const files = globSync("**/*.ts", { cwd: example }).map((file) => path.join(example, file));
  const words = [...files, composition].flatMap((file) =>
    readFileSync(file, "utf8")
      .replaceAll(textsAndComments, "")
      .split(/[^A-Za-z]+/),
  );
  return new Set(words.filter((word) => word !== "note" && word !== "notes"));
}

const folderOf = (many: string) => path.join(root, "src/contexts", many);

/** The example's words in those of the new context. */
const renamed = (text: string, { many, one }: Names): string =>
  text
    .replaceAll(/\b([Aa]) note\b/g, `$1${/^[aeiou]/.test(one) ? "n" : ""} note`)
    .replaceAll("notes", many)
    .replaceAll("Notes", capital(many))
    .replaceAll("note", one)
    .replaceAll("Note", capital(one));

function copyExample(names: Names): readonly string[] {
  const folder = folderOf(names.many);
  cpSync(example, folder, { recursive: true });
  const files = globSync("**/*.*", { cwd: folder }).toSorted();
  return files.map((file) => {
    const [from, to] = [path.join(folder, file), path.join(folder, renamed(file, names))];
    writeFileSync(from, renamed(readFileSync(from, "utf8"), names));
    renameSync(from, to);
    return path.relative(root, to);
  });
}

/** Adds the module to the end of the one list of contexts. */
function plugIn({ many }: Names): void {
  const text = readFileSync(composition, "utf8");
  const added = text
    .replace(
      "import { compositionOf }",
      `import { ${many} } from "./contexts/${many}/module.ts";\nimport { compositionOf }`,
    )
    .replace(/(export const modules = \[[^\]]*?),?\n?\]/, `$1, ${many}]`);
  if (!added.includes(`, ${many}]`))
    throw new Refused(`src/composition.ts has no list to add ${many} to: add it by hand`);
  writeFileSync(composition, added);
}

/** Makes `src/contexts/NAME` from the example, plugs it in and writes the documents that name contexts. */
export function newContext(
  many: string,
  { one = many.replace(/s$/, "") }: { readonly one?: string },
): void {
  const names = { many, one };
  refuse(names);
  for (const file of copyExample(names)) console.log(`made ${file}`);
  plugIn(names);
  console.log("added it to src/composition.ts");
  for (const script of ["documents", "format"]) {
    const { status } = spawnSync("npm", ["run", "--silent", script], {
      cwd: root,
      stdio: "inherit",
      shell: process.platform === "win32",
    });
    if (status !== 0) throw new Error(`npm run ${script} failed`);
  }
  console.log(
    `\nThe context ${many} is served by the next \`npm start\`. \`npm test\` and \`npm run check\` pass with it.\n` +
      "What its files are for: docs/guides/your-own-context.md",
  );
}
