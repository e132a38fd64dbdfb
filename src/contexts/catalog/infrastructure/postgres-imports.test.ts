import { postgresSubject } from "../testing/on-postgres.ts";
import { importRowsContract } from "../testing/import-rows.contract.ts";
import { importRunsContract } from "../testing/import-runs.contract.ts";
import { importsContract } from "../testing/imports.contract.ts";

importsContract("Postgres", postgresSubject);
importRunsContract("Postgres", postgresSubject);
importRowsContract("Postgres", postgresSubject);
