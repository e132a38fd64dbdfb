import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { systemTimers } from "#platform/system.ts";
import { childrenOf, escaped, readXml, textOf, xmlOf } from "./xml.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const read = (text: string | Uint8Array, size = 7) =>
  readXml(pieces(typeof text === "string" ? Buffer.from(text) : text, size), systemTimers);

const outcomeOf = async (text: string | Uint8Array, size?: number) => {
  const found = await read(text, size);
  return found.ok ? "ok" : found.error.type;
};

test("reads elements, attributes and text in whatever pieces they come", async () => {
  const text = `<?xml version="1.0" encoding="UTF-8"?><D:prop xmlns:D="DAV:" xmlns:x="urn:x">
    <x:name x:kind="&lt;a&gt;" xml:lang="de">Gr&#252;&#xDF;e <b xmlns="">&amp;</b><![CDATA[<c>]]></x:name></D:prop>`;
  for (const size of [1, 3, 1_000]) {
    const root = expect(await read(text, size));
    assert.ok(root);
    const [property] = childrenOf(root);
    assert.ok(property);
    assert.deepEqual([root.namespace, root.name, property.namespace], ["DAV:", "prop", "urn:x"]);
    assert.equal(textOf(property), "Grüße &<c>");
    assert.deepEqual(property.attributes, [
      { namespace: "urn:x", name: "kind", value: "<a>" },
      {
        namespace: "http://www.w3.org/XML/1998/namespace",
        name: "lang",
        value: "de",
      },
    ]);
  }
});

test("what is written of an element reads as the same element, wherever it is put", async () => {
  const text = `<p:a xmlns:p="urn:p" p:x="1" y="&quot;&#13;&#10;&#9;" xml:lang="en">t&amp;<b xmlns="urn:b"/><c>&#128512;</c></p:a>`;
  const first = expect(await read(`<p:root xmlns:p="urn:p">${text}</p:root>`));
  const [element] = childrenOf(first ?? assert.fail());
  const again = expect(
    await read(`<other xmlns="urn:other">${xmlOf(element ?? assert.fail())}</other>`),
  );
  assert.deepEqual(childrenOf(again ?? assert.fail())[0], element);
});

test("an empty body is none", async () => {
  assert.equal(expect(await read("")), undefined);
});

test("refuses what is not well-formed, of another encoding, or means to harm", async () => {
  const laughs = `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><a xmlns="DAV:">&b;</a>`;
  const invalid = [
    "nothing",
    "<a xmlns='DAV:'>",
    "<a xmlns='DAV:'></b>",
    "<a xmlns='DAV:'/><b xmlns='DAV:'/>",
    "<D:a/>",
    "<a/>",
    "<D:a xmlns:D='DAV:'><x:b xmlns:x=''/></D:a>",
    "<a xmlns='DAV:'>&unknown;</a>",
    "<a xmlns='DAV:'>&#0;</a>",
    "<a xmlns='DAV:'>&#xD800;</a>",
    "<a xmlns='DAV:' b='&#xD800;'/>",
    "<a xmlns='DAV:'>\u0001</a>",
    "<?xml version='1.0' encoding='ISO-8859-1'?><a xmlns='DAV:'/>",
    laughs,
    "<xml:a xmlns='DAV:'/>",
    "<a xmlns='DAV:'><xmlns:a/></a>",
    "<a xmlns='DAV:'><x:1 xmlns:x='urn:x'/></a>",
    "<a xmlns='DAV:'><x: xmlns:x='urn:x'/></a>",
    "<a xmlns='DAV:'><x:-a xmlns:x='urn:x'/></a>",
    "<a xmlns='DAV:' xmlns:y='urn:y' y:1='2'/>",
    "<a xmlns='DAV:' xmlns:y='urn:y' xmlns:z='urn:y' y:b='1' z:b='2'/>",
    "<a xmlns='DAV:'><b xmlns=' urn:x '/></a>",
    "<a xmlns='DAV:'><constructor:b/></a>",
    "<a xmlns='DAV:'><__proto__:b/></a>",
    "<a xmlns='DAV:' toString:b='1'/>",
    `<a xmlns="DAV:"><b xmlns="${"u".repeat(1_001)}"/></a>`,
    `<a xmlns="DAV:"><${"b".repeat(256)}/></a>`,
    `<a xmlns="DAV:" ${Array.from({ length: 90_000 }, (_, i) => `a${i}=""`).join(" ")}/>`,
    `<a xmlns="DAV:">${"<a>".repeat(10_000)}`,
    `<a xmlns="DAV:">${"<b/>".repeat(10_001)}</a>`,
  ];
  for (const text of invalid)
    assert.equal(await outcomeOf(text, 4_096), "xml-invalid", text.slice(0, 80));
  const half = Buffer.from("<a xmlns='DAV:'>ü</a>", "latin1");
  assert.equal(await outcomeOf(half), "xml-invalid");
  const wide = Buffer.from("\uFEFF<a xmlns='DAV:'/>", "utf16le");
  assert.equal(await outcomeOf(wide), "xml-invalid");
  const long = `<a xmlns="DAV:">${"x".repeat(2 ** 20)}</a>`;
  assert.equal(await outcomeOf(long, 65_536), "xml-too-large");
});

test("text that XML cannot have is written as something that it can", () => {
  assert.equal(escaped('a\u0000<&>"\uFFFF'), "a\uFFFD&lt;&amp;&gt;&quot;\uFFFD");
});

test("others have their turn after each piece", async () => {
  let turns = 0;
  const timers = { turn: async () => void (turns += 1) };
  const body = Buffer.from(`<a xmlns="DAV:">${"<b/>".repeat(9_000)}</a>`);
  expect(await readXml(pieces(body, 1_000), timers));
  assert.equal(turns, Math.ceil(body.length / 1_000));
});
