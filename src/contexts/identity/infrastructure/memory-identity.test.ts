import { memorySubject } from "../../../../test/support/identity.ts";
import { authenticationContract } from "../application/authentication.contract.ts";
import { usersContract } from "../application/users.contract.ts";

usersContract("memory", memorySubject);
authenticationContract("memory", memorySubject);
