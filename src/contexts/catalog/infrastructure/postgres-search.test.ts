import { postgresSubject } from "../../../../test/support/catalog-on-postgres.ts";
import { searchContract } from "../application/search.contract.ts";

searchContract("Postgres", postgresSubject);
