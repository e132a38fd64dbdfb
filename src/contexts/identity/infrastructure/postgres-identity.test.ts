import { postgresSubject } from "../testing/on-postgres.ts";
import { apiKeysContract } from "../testing/api-keys.contract.ts";
import { passkeysContract } from "../testing/passkeys.contract.ts";
import { passwordsContract } from "../testing/passwords.contract.ts";
import { rolesContract } from "../testing/roles.contract.ts";
import { secondFactorsContract } from "../testing/second-factors.contract.ts";
import { sessionsContract } from "../testing/sessions.contract.ts";
import { usersContract } from "../testing/users.contract.ts";

usersContract("Postgres", postgresSubject);
sessionsContract("Postgres", postgresSubject);
passwordsContract("Postgres", postgresSubject);
secondFactorsContract("Postgres", postgresSubject);
passkeysContract("Postgres", postgresSubject);
apiKeysContract("Postgres", postgresSubject);
rolesContract("Postgres", postgresSubject);
