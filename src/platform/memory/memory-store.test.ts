import { memorySubject } from "../events/testing/memory-subject.ts";
import { auditedWorkContract } from "../audit/audited-work.contract.ts";
import { unitOfWorkContract } from "../unit-of-work.contract.ts";

unitOfWorkContract("memory", async () => memorySubject());
auditedWorkContract("memory", async () => memorySubject());
