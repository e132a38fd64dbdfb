import { memorySubject } from "../../../../test/support/identity.ts";
import { apiKeysContract } from "../application/api-keys.contract.ts";
import { passkeysContract } from "../application/passkeys.contract.ts";
import { passwordsContract } from "../application/passwords.contract.ts";
import { rolesContract } from "../application/roles.contract.ts";
import { secondFactorsContract } from "../application/second-factors.contract.ts";
import { sessionsContract } from "../application/sessions.contract.ts";
import { usersContract } from "../application/users.contract.ts";

usersContract("memory", memorySubject);
sessionsContract("memory", memorySubject);
passwordsContract("memory", memorySubject);
secondFactorsContract("memory", memorySubject);
passkeysContract("memory", memorySubject);
apiKeysContract("memory", memorySubject);
rolesContract("memory", memorySubject);
