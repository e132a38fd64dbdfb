import { isDeepStrictEqual } from "node:util";

type Envelope = { readonly schemaVersion: { readonly const: number }; readonly payload: unknown };

/** An AsyncAPI document of events, as `asyncApi` makes it. */
export type EventDocument = {
  readonly components: {
    readonly messages: Readonly<
      Record<string, { readonly name: string; readonly payload: { readonly properties: Envelope } }>
    >;
  };
};

/** Without words for readers, which may change at any time. */
const bare = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(bare);
  if (typeof schema !== "object" || schema === null) return schema;
  const { title: _title, description: _description, ...rest } = schema as Record<string, unknown>;
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, bare(value)]));
};

/** Events that a log may hold and the code could no longer read: gone, or changed under their version. */
export function changedEvents(before: EventDocument, after: EventDocument): readonly string[] {
  const gone = Object.entries(before.components.messages)
    .filter(([key]) => !(key in after.components.messages))
    .map(([, { name }]) => `${name} (gone)`);
  const changed = Object.entries(after.components.messages).flatMap(([key, { name, payload }]) => {
    const { properties: now } = payload;
    const then = before.components.messages[key]?.payload.properties;
    const [was, is] = [then?.schemaVersion.const ?? 0, now.schemaVersion.const];
    const isSame =
      was < is || (was === is && isDeepStrictEqual(bare(then?.payload), bare(now.payload)));
    return isSame ? [] : [`${name} v${now.schemaVersion.const}`];
  });
  return [...gone, ...changed];
}
