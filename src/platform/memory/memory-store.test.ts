import { memorySubject } from "../events/testing/memory-subject.ts";
import { unitOfWorkContract } from "../unit-of-work.contract.ts";

unitOfWorkContract("memory", async () => memorySubject());
