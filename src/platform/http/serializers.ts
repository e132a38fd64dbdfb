import build from "fast-json-stringify";
import type { JsonSchema } from "#kernel/shape.ts";

type Component = JsonSchema & { readonly $id: string };
type Serialize = (value: unknown) => string;

/**
 * Compiles serializers of answers, which write only the fields of their schemas. Each is made for the
 * first answer that needs it: to make all of them took longer than everything else in a start.
 */
export function serializersOf(
  components: readonly Component[],
): (answer: { readonly schema: unknown }) => Serialize {
  const byText = new Map<string, Serialize>();
  return ({ schema }) => {
    const text = JSON.stringify(schema);
    const known = byText.get(text);
    if (known) return known;
    const serialize = lazily(() =>
      build(schema as build.Schema, { schema: referredBy(text, components) }),
    );
    byText.set(text, serialize);
    return serialize;
  };
}

const lazily = (make: () => Serialize): Serialize => {
  let made: Serialize | undefined;
  return (value) => (made ??= make())(value);
};

/** The components that a schema refers to, and those that they refer to. */
function referredBy(text: string, components: readonly Component[]): Record<string, build.Schema> {
  const found: Record<string, build.Schema> = {};
  const texts = [text];
  for (let next = texts.pop(); next !== undefined; next = texts.pop())
    for (const component of components) {
      const { $id } = component;
      if ($id in found || !next.includes(`"$ref":"${$id}#"`)) continue;
      found[$id] = component as unknown as build.Schema;
      texts.push(JSON.stringify(component));
    }
  return found;
}
