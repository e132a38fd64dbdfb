import { toText } from "../json.ts";

/** In JSON, NUL; in the JSON of events, half a character too. */
const refused = {
  inText: /(?<!\\)(?:\\\\)*\\u0000/,
  inJson: /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/,
};

/** A row as a database keeps it: texts have no NUL. */
export function kept<Row>(row: Row): Row {
  if (row !== undefined && refused.inText.test(toText(row)))
    throw new Error("a text with NUL cannot be kept");
  return row;
}

/** A value that has been JSON in between, as `jsonb` keeps it. */
export function throughJson<Value>(value: Value): Value {
  const text = JSON.stringify(value);
  if (refused.inJson.test(text))
    throw new Error("JSON with NUL or half a character cannot be kept");
  return JSON.parse(text) as Value;
}
