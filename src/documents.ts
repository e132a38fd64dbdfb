import { catalogEvents } from "#contexts/catalog";
import { identityEvents } from "#contexts/identity";
import { asyncApi } from "#platform/events/asyncapi.ts";

/** What each context publishes. */
export const registries = { identity: identityEvents, catalog: catalogEvents } as const;

export const asyncApiOf = (version: string) => asyncApi(version, registries);

/** As the file `docs/asyncapi.json` has it. */
export const asyncApiText = (version: string): string =>
  `${JSON.stringify(asyncApiOf(version), undefined, 2)}\n`;

/** The contexts and their schemas, as the map's picture: arrows as `asker → asked`. */
export function pictureOf(arrows: readonly string[]): string {
  const contexts = Object.entries(registries).map(
    ([name, { declarations }]) => `  ${name}["${name}<br/>${declarations.length} kinds of event"]`,
  );
  const lines = arrows.map((arrow) => `  ${arrow.replace(" → ", " --> ")}`);
  return ["```mermaid", "flowchart LR", ...contexts, ...lines, "```"].join("\n");
}
