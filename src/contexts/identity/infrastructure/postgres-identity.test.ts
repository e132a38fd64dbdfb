import { postgresSubject } from "../../../../test/support/identity-on-postgres.ts";
import { apiKeysContract } from "../application/api-keys.contract.ts";
import { passkeysContract } from "../application/passkeys.contract.ts";
import { passwordsContract } from "../application/passwords.contract.ts";
import { rolesContract } from "../application/roles.contract.ts";
import { secondFactorsContract } from "../application/second-factors.contract.ts";
import { sessionsContract } from "../application/sessions.contract.ts";
import { usersContract } from "../application/users.contract.ts";

usersContract("Postgres", postgresSubject);
sessionsContract("Postgres", postgresSubject);
passwordsContract("Postgres", postgresSubject);
secondFactorsContract("Postgres", postgresSubject);
passkeysContract("Postgres", postgresSubject);
apiKeysContract("Postgres", postgresSubject);
rolesContract("Postgres", postgresSubject);
