import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { basalt } from "../src/composition.ts";
import { importsOf, placeOf, type Source } from "../test/rules/imports.ts";

const root = path.resolve(import.meta.dirname, "..");
const { imports: subpaths } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly imports: Readonly<Record<string, string>>;
};

type Arrow = { readonly from: string; readonly to: string };

/** From each context to those of which one of its files imports anything. */
export function arrowsOf(sources: readonly Source[]): readonly Arrow[] {
  const arrows = sources.flatMap((source) => {
    const from = placeOf(source.file).context ?? "";
    const used = importsOf(source, subpaths).map(({ target }) => placeOf(target).context);
    return used.filter((to) => to !== undefined && to !== from).map((to) => `${from} ${to}`);
  });
  return [...new Set(arrows)].toSorted().map((arrow) => {
    const [from = "", to = ""] = arrow.split(" ");
    return { from, to };
  });
}

const arrows = () =>
  arrowsOf(
    globSync("src/contexts/**/*.ts", { cwd: root })
      .map((file) => file.replaceAll(path.sep, "/"))
      .filter((file) => !/\.(test|contract)\.ts$|\/testing\//.test(file))
      .map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") })),
  );

/** What a context is about: the first sentence of its door, after its name. */
function aboutOf(name: string): string {
  const door = readFileSync(path.join(root, "src/contexts", name, "index.ts"), "utf8");
  const about = /^\/\*\*\s*(?:\*\s*)?[^:]+: ([^.]+)\./.exec(door)?.[1];
  if (about === undefined)
    throw new Error(`src/contexts/${name}/index.ts begins with no "/** Name: what it is about."`);
  return about.replaceAll(/\s*\n \* */g, " ");
}

const row = (...cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const code = (text: string) => `\`${text}\``;

function contextsTable(): string {
  const rows = basalt.modules.map(({ name, events }) => {
    const published = events.declarations.map(({ type }) => code(type)).join(", ");
    return row(code(name), aboutOf(name), code(name), published);
  });
  const head = row("context", "what it is about", "schema", "publishes");
  return [head, row("-", "-", "-", "-"), ...rows].join("\n");
}

function picture(): string {
  const contexts = basalt.modules.map(
    ({ name, events }) => `  ${name}["${name}<br/>event types: ${events.declarations.length}"]`,
  );
  const lines = arrows().map(({ from, to }) => `  ${from} --> ${to}`);
  return ["```mermaid", "flowchart LR", ...contexts, ...lines, "```"].join("\n");
}

/** The arrows with what the page says of each; a new one gets a sentence that its author completes. */
function arrowsTable(page: string): string {
  const rows = arrows().map(({ from, to }) => {
    const known = new RegExp(`^\\| \`${from}\` *\\| \`${to}\` *\\| (.*?) *\\|$`, "m").exec(page);
    return row(code(from), code(to), known?.[1] ?? "asks whether an actor has a permission");
  });
  return [row("from", "to", "how"), row("-", "-", "-"), ...rows].join("\n");
}

const section = (name: string) =>
  new RegExp(`(<!-- ${name}: made by npm run documents -->\n\n)[^]*?(\n\n<!-- end -->)`);

/** The page with everything on it that is made of the code. */
export const contextMap = (page: string): string =>
  page
    .replace(section("contexts"), (_, start, end) => `${start}${contextsTable()}${end}`)
    .replace(section("picture"), (_, start, end) => `${start}${picture()}${end}`)
    .replace(section("arrows"), (_, start, end) => `${start}${arrowsTable(page)}${end}`);
