import sax from "sax";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Timers } from "#platform/runtime.ts";

/** The namespace of WebDAV's own names. */
export const dav = "DAV:";

type Attribute = { readonly namespace: string; readonly name: string; readonly value: string };

/** An element of XML. Comments and processing instructions are left out. */
export type Element = {
  readonly namespace: string;
  readonly name: string;
  readonly attributes: readonly Attribute[];
  readonly content: readonly (Element | string)[];
};

/** Bytes of a body at most, elements in it, elements within one another, and attributes of one. */
const [maxBytes, maxElements, maxDepth, maxAttributes] = [2 ** 20, 10_000, 64, 100];
/** Characters of a name and of a namespace at most: an element that is written out says its own. */
const [maxName, maxNamespace] = [255, 1_000];
/** Characters that are parsed together. */
const slice = 4_096;

/** A name without a prefix. Source: Namespaces in XML 1.0, 3. */
const properName =
  /^[A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\u{10000}-\u{EFFFF}][-.0-9A-Z_a-z\u00B7\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u037D\u037F-\u1FFF\u203F\u2040\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\u{10000}-\u{EFFFF}]*$/u;

export type XmlInvalid = { readonly type: "xml-invalid" | "xml-too-large"; readonly why: string };

const xmlns = "http://www.w3.org/2000/xmlns/";
const xml = "http://www.w3.org/XML/1998/namespace";

class Refused extends Error {}

/** Builds the elements of a text as it is parsed. */
class Tree {
  root: Element | undefined;
  readonly #open: { element: Element; content: (Element | string)[] }[] = [];
  #count = 0;

  begin({ uri, local, attributes }: sax.QualifiedTag): void {
    const { namespace, name } = named(uri, local);
    if (namespace === xml || namespace === xmlns) throw new Refused("an element of XML's own");
    this.#count += 1;
    if (this.#count > maxElements) throw new Refused(`more than ${maxElements} elements`);
    if (this.#open.length === maxDepth) throw new Refused(`more than ${maxDepth} levels`);
    if (this.#open.length === 0 && (this.root || namespace === ""))
      throw new Refused("it must be one element, in a namespace");
    const content: (Element | string)[] = [];
    const element = { namespace, name, attributes: attributesOf(attributes), content };
    this.#add(element);
    if (this.#open.length === 0) this.root = element;
    this.#open.push({ element, content });
  }

  text(text: string): void {
    if (this.#open.length === 0 && text.trim() !== "") throw new Refused("text outside of it");
    this.#add(checked(text));
  }

  end(): void {
    this.#open.pop();
  }

  #add(one: Element | string): void {
    this.#open.at(-1)?.content.push(one);
  }
}

/** Text of characters that XML can have. */
function checked(text: string): string {
  if (!text.isWellFormed() || text.search(impossible) >= 0)
    throw new Refused("it has a character that XML cannot have");
  return text;
}

/** A prefix can be the name of something that the parser takes for a namespace, though it is none. */
function named(namespace: unknown, name: string): { namespace: string; name: string } {
  if (typeof namespace !== "string" || namespace.length > maxNamespace || /\s/.test(namespace))
    throw new Refused(`a namespace must have at most ${maxNamespace} characters and no spaces`);
  if (name.length > maxName || !properName.test(name))
    throw new Refused(`a name must be one of XML, of at most ${maxName} characters`);
  return { namespace: checked(namespace), name };
}

function attributesOf(attributes: sax.QualifiedTag["attributes"]): readonly Attribute[] {
  const found = new Map<string, Attribute>();
  for (const { uri, prefix, local, value } of Object.values(attributes)) {
    if (uri === xmlns || prefix === "xmlns") {
      if (local !== "" && value === "") throw new Refused("a prefix of no namespace");
      continue;
    }
    const attribute = { ...named(uri, local), value: checked(value) };
    const key = `${attribute.namespace} ${attribute.name}`;
    if (found.has(key)) throw new Refused("an attribute twice");
    found.set(key, attribute);
  }
  return [...found.values()];
}

/** No entities but the five of XML, and those that are numbers. */
const options: sax.SAXOptions & { readonly strictEntities: boolean } = {
  xmlns: true,
  strictEntities: true,
};

/** `attribList`: what the parser has read of the attributes of an element that has not ended. */
type Parser = sax.SAXParser & { readonly attribList?: readonly unknown[] };

function parserOf(tree: Tree): Parser {
  return Object.assign(sax.parser(true, options), {
    onopentag: (tag: sax.Tag | sax.QualifiedTag) => tree.begin(tag as sax.QualifiedTag),
    onclosetag: () => tree.end(),
    ontext: (text: string) => tree.text(text),
    oncdata: (text: string) => tree.text(text),
    ondoctype() {
      throw new Refused("it has a document type");
    },
    onprocessinginstruction({ name, body }: { readonly name: string; readonly body: string }) {
      const encoding = /encoding\s*=\s*["']([^"']*)/i.exec(body)?.[1] ?? "utf-8";
      if (name === "xml" && !/^utf-?8$/i.test(encoding)) throw new Refused("it must be UTF-8");
    },
    onerror(error: Error) {
      throw new Refused(error.message.split("\n", 1)[0] ?? "it cannot be read");
    },
  });
}

/** The parser compares each attribute with all others of its element. */
function parse(parser: Parser, text: string): void {
  for (let at = 0; at < text.length; at += slice) {
    parser.write(text.slice(at, at + slice));
    if ((parser.attribList?.length ?? 0) > maxAttributes)
      throw new Refused(`more than ${maxAttributes} attributes`);
  }
}

const invalid = (error: unknown): Result<never, XmlInvalid> => {
  if (error instanceof Refused || error instanceof TypeError)
    return err({ type: "xml-invalid", why: error.message });
  throw error;
};

/** The root of a body of XML; undefined for an empty one. Entities other than those of characters are refused, as document types are. */
export async function readXml(
  body: AsyncIterable<Uint8Array>,
  timers: Pick<Timers, "turn">,
): Promise<Result<Element | undefined, XmlInvalid>> {
  const tree = new Tree();
  const parser = parserOf(tree);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > maxBytes)
      return err({ type: "xml-too-large", why: `A body of XML has at most ${maxBytes} bytes` });
    try {
      parse(parser, decoder.decode(piece, { stream: true }));
    } catch (error) {
      return invalid(error);
    }
    await timers.turn(); // a piece of hostile XML takes as long to read as many requests
  }
  if (size === 0) return ok(undefined);
  try {
    parse(parser, decoder.decode());
    parser.close();
  } catch (error) {
    return invalid(error);
  }
  return tree.root ? ok(tree.root) : err({ type: "xml-invalid", why: "it has no element" });
}

export const isElement = (one: Element | string): one is Element => typeof one !== "string";

export const childrenOf = ({ content }: Element): readonly Element[] => content.filter(isElement);

/** The first child of WebDAV's own with a name. */
export const childOf = (element: Element, name: string): Element | undefined =>
  childrenOf(element).find((one) => one.namespace === dav && one.name === name);

/** About so many characters has an element that is written out. */
export const lengthOf = ({ namespace, name, attributes, content }: Element): number =>
  2 * name.length +
  namespace.length +
  attributes.reduce((sum, one) => sum + one.namespace.length + one.value.length, 0) +
  content.reduce((sum, one) => sum + (isElement(one) ? lengthOf(one) : one.length), 0);

/** All text in an element, without its tags. */
export const textOf = ({ content }: Element): string =>
  content.map((one) => (isElement(one) ? textOf(one) : one)).join("");

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};
/** Characters that XML cannot have, in no spelling. They are looked for, so that the rule against them is off here. */
// oxlint-disable-next-line no-control-regex
const impossible = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g;

/** Text as XML has it. */
export const escaped = (text: string): string => (plain.test(text) ? text : rewritten(text));

const plain = /^[\w .,:;/()%+-]*$/;
const rewritten = (text: string): string =>
  text
    .replaceAll(/[&<>"\r]/g, (character) => escapes[character] ?? character)
    .replaceAll(impossible, "\uFFFD");

const escapedValue = (text: string): string =>
  escaped(text).replaceAll(/[\t\n]/g, (character) => escapes[character] ?? character);

/** An element that means the same wherever it is put. */
export function xmlOf({ namespace, name, attributes, content }: Element): string {
  const told = attributes.map(({ namespace: uri, name: attribute, value }, i) => {
    const text = escapedValue(value);
    if (uri === "") return ` ${attribute}="${text}"`;
    if (uri === xml) return ` xml:${attribute}="${text}"`;
    return ` xmlns:a${i}="${escaped(uri)}" a${i}:${attribute}="${text}"`;
  });
  const inside = content.map((one) => (isElement(one) ? xmlOf(one) : escaped(one))).join("");
  const begin = `<${name} xmlns="${escaped(namespace)}"${told.join("")}`;
  return inside === "" ? `${begin}/>` : `${begin}>${inside}</${name}>`;
}
