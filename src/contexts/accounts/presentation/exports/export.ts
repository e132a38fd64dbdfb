import type { StreamedAnswer } from "#platform/http/route.ts";
import type { ExportFormat, LedgerExport } from "../../application/ledger/export-ledger.ts";
import { beancountOf } from "./beancount.ts";
import { csvOf } from "./csv.ts";
import { hledgerOf } from "./hledger.ts";
import { ofxOf } from "./ofx.ts";

type Format = {
  readonly mediaType: string;
  readonly fileName: string;
  readonly textOf: (exported: LedgerExport) => AsyncIterable<string>;
};

export const formats: Readonly<Record<ExportFormat, Format>> = {
  hledger: {
    mediaType: "text/plain",
    fileName: "ledger.journal",
    textOf: ({ entries }) => hledgerOf(entries()),
  },
  beancount: {
    mediaType: "text/plain",
    fileName: "ledger.beancount",
    textOf: ({ entries }) => beancountOf(entries()),
  },
  csv: {
    mediaType: "text/csv",
    fileName: "ledger.csv",
    textOf: ({ entries }) => csvOf(entries()),
  },
  ofx: { mediaType: "application/x-ofx", fileName: "ledger.ofx", textOf: ofxOf },
};

/** How the ledger is streamed in each of its formats. */
export const ledgerExport: StreamedAnswer<LedgerExport> = {
  mediaTypes: ["text/plain", "text/csv", "application/x-ofx"],
  mediaTypeOf: ({ format }) => formats[format].mediaType,
  fileName: ({ format }) => formats[format].fileName,
  textOf: (exported) => formats[exported.format].textOf(exported),
};
