// Reads `[{ what, ratio }]` and writes bars as SVG: how often Basalt does what a peer does once.
import { text } from "node:stream/consumers";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

const { title, machine, values } = JSON.parse(await text(process.stdin)) as {
  readonly title: string;
  readonly machine: string;
  readonly values: readonly { readonly what: string; readonly ratio: number }[];
};
const y = { field: "what", type: "nominal", sort: null, axis: { title: null, labelLimit: 480 } };
const x = {
  field: "ratio",
  type: "quantitative",
  scale: { type: "log", domain: [0.5, 32], nice: false },
};
const isLess = "datum.ratio < 1";
const spec = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  ...{ title: { text: title, subtitle: machine }, data: { values } },
  ...{ width: 480, height: { step: 26 }, background: "white", padding: 12 },
  layer: [
    {
      mark: { type: "bar", height: 15 },
      encoding: {
        y,
        x: {
          ...x,
          axis: { title: "times as much (logarithmic)", values: [0.5, 1, 2, 4, 8, 16, 32] },
        },
        x2: { datum: 1 },
        color: { condition: { test: isLess, value: "#b3261e" }, value: "#3b6ea5" },
      },
    },
    ...[
      { test: isLess, align: "right", dx: -4 },
      { test: `!(${isLess})`, align: "left", dx: 4 },
    ].map(({ test, ...mark }) => ({
      transform: [{ filter: test }],
      mark: { type: "text", ...mark },
      encoding: { y, x, text: { field: "ratio", format: ".2f" } },
    })),
    { mark: { type: "rule", color: "#555" }, encoding: { x: { datum: 1 } } },
  ],
} as TopLevelSpec;
console.log(await new vega.View(vega.parse(compile(spec).spec)).toSVG());
