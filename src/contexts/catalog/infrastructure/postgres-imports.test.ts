import { postgresSubject } from "../testing/on-postgres.ts";
import { importRowsContract } from "../testing/import-rows.contract.ts";
import { importsContract } from "../testing/imports.contract.ts";

importsContract("Postgres", postgresSubject);
importRowsContract("Postgres", postgresSubject);
