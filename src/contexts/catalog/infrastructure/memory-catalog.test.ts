import { memorySubject } from "../../../../test/support/catalog.ts";
import { catalogContract } from "../application/catalog.contract.ts";

catalogContract("memory", memorySubject);
