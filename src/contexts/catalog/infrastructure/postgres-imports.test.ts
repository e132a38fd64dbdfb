import { postgresSubject } from "../../../../test/support/catalog-on-postgres.ts";
import { importRowsContract } from "../application/import-rows.contract.ts";
import { importsContract } from "../application/imports.contract.ts";

importsContract("Postgres", postgresSubject);
importRowsContract("Postgres", postgresSubject);
