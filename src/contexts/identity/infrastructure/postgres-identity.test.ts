import { postgresSubject } from "../../../../test/support/identity-on-postgres.ts";
import { authenticationContract } from "../application/authentication.contract.ts";
import { usersContract } from "../application/users.contract.ts";

usersContract("Postgres", postgresSubject);
authenticationContract("Postgres", postgresSubject);
