import { postgresSubject } from "../testing/on-postgres.ts";
import { searchContract } from "../testing/search.contract.ts";

searchContract("Postgres", postgresSubject);
