// Reads `[{ what, ratio }]` and writes bars as SVG: how often Basalt does what a peer does once.
import { text } from "node:stream/consumers";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

const { title, values } = JSON.parse(await text(process.stdin)) as {
  readonly title: string;
  readonly values: readonly { readonly what: string; readonly ratio: number }[];
};
const y = { field: "what", type: "nominal", sort: null, axis: { title: null, labelLimit: 400 } };
const spec = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  ...{ title, width: 480, height: { step: 28 }, background: "white", data: { values } },
  layer: [
    {
      mark: { type: "bar", color: "#3b6ea5", height: 16 },
      encoding: {
        y,
        x: { field: "ratio", type: "quantitative", axis: { title: "times the peer" } },
      },
    },
    {
      mark: { type: "text", align: "left", dx: 4 },
      encoding: {
        y,
        x: { field: "ratio", type: "quantitative" },
        text: { field: "ratio", format: ".2f" },
      },
    },
    { mark: { type: "rule", color: "#b3261e", strokeDash: [4, 4] }, encoding: { x: { datum: 1 } } },
  ],
} as TopLevelSpec;
console.log(await new vega.View(vega.parse(compile(spec).spec)).toSVG());
