import { memorySubject } from "../../../../test/support/catalog.ts";
import { importRowsContract } from "../application/import-rows.contract.ts";
import { importsContract } from "../application/imports.contract.ts";
import { searchContract } from "../application/search.contract.ts";
import { catalogContract } from "../application/catalog.contract.ts";
import { stockContract } from "../application/stock.contract.ts";

catalogContract("memory", memorySubject);
stockContract("memory", memorySubject);
searchContract("memory", memorySubject);
importsContract("memory", memorySubject);
importRowsContract("memory", memorySubject);
