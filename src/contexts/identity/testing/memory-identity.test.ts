import { memorySubject } from "./fixtures.ts";
import { apiKeysContract } from "./api-keys.contract.ts";
import { passkeysContract } from "./passkeys.contract.ts";
import { passwordsContract } from "./passwords.contract.ts";
import { rolesContract } from "./roles.contract.ts";
import { secondFactorsContract } from "./second-factors.contract.ts";
import { sessionsContract } from "./sessions.contract.ts";
import { usersContract } from "./users.contract.ts";

usersContract("memory", memorySubject);
sessionsContract("memory", memorySubject);
passwordsContract("memory", memorySubject);
secondFactorsContract("memory", memorySubject);
passkeysContract("memory", memorySubject);
apiKeysContract("memory", memorySubject);
rolesContract("memory", memorySubject);
