import { contentContract } from "../testing/content.contract.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { treeContract } from "../testing/tree.contract.ts";

treeContract("Postgres", postgresSubject);
contentContract("Postgres and local segments", postgresSubject);
