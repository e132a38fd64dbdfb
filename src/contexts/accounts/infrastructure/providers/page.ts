import type { Currency } from "#kernel/money.ts";
import type { ProviderPage } from "../../application/ports/providers.ts";
import { Mask } from "../../domain/labels.ts";
import { ExternalId } from "../../domain/observation.ts";
import { worded } from "../statements/cells.ts";
import { rawOf } from "./json.ts";

/** A record as a row of a page, with the id that one of its fields has. */
export function rowOf(
  statement: number,
  record: unknown,
  idField: string,
): ProviderPage["rows"][number] {
  const raw = rawOf(record);
  const id = ExternalId.parse(raw[idField]);
  return { statement, raw, externalId: id.ok ? id.value : undefined };
}

type Named = {
  readonly format: string;
  readonly externalId: ExternalId;
  readonly currency: Currency;
};

/** The account of a broker, which its owner knows by the end of its number. */
export function brokerage(named: Named) {
  const mask = worded(Mask, named.externalId.slice(-4));
  return { ...named, type: "brokerage", ...(mask === undefined ? {} : { mask }) } as const;
}
