import { changesContract } from "../testing/changes.contract.ts";
import { collectionContract } from "../testing/collection.contract.ts";
import { contentContract } from "../testing/content.contract.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { treeContract } from "../testing/tree.contract.ts";

treeContract("Postgres", postgresSubject);
changesContract("Postgres", postgresSubject);
collectionContract("Postgres and local segments", postgresSubject);
contentContract("Postgres and local segments", postgresSubject);
