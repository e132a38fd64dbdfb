const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** HTML as it is written. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | Html | readonly Html[];

const spelled = (value: Value): string => {
  if (typeof value === "string") return value.replaceAll(/[&<>"']/g, (one) => entities[one] ?? one);
  return value instanceof Html ? value.text : value.map(({ text }) => text).join("");
};

/** A template of HTML, in which texts mean nothing but themselves. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(parts.map((part, i) => part + spelled(values[i] ?? "")).join(""));
