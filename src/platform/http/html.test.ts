import assert from "node:assert/strict";
import { test } from "node:test";
import { html } from "./html.ts";

test("texts in a template of HTML mean nothing but themselves, and HTML in it stays as it is", () => {
  const words = ["<b>", `"it's" & more`].map((text) => html`<i title="${text}">${text}</i>`);
  assert.equal(
    html`<b>${words}</b>${html`<i>${""}</i>`}`.text,
    '<b><i title="&lt;b&gt;">&lt;b&gt;</i><i title="&quot;it&#39;s&quot; &amp; more">&quot;it&#39;s&quot; &amp; more</i></b><i></i>',
  );
});
