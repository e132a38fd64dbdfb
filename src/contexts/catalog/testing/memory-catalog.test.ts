import { memorySubject } from "./fixtures.ts";
import { importRowsContract } from "./import-rows.contract.ts";
import { importRunsContract } from "./import-runs.contract.ts";
import { importsContract } from "./imports.contract.ts";
import { searchContract } from "./search.contract.ts";
import { catalogContract } from "./catalog.contract.ts";
import { stockContract } from "./stock.contract.ts";

catalogContract("memory", memorySubject);
stockContract("memory", memorySubject);
searchContract("memory", memorySubject);
importsContract("memory", memorySubject);
importRunsContract("memory", memorySubject);
importRowsContract("memory", memorySubject);
