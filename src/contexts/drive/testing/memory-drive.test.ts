import { systemClock } from "#platform/system.ts";
import { changesContract } from "./changes.contract.ts";
import { chunkStoreContract } from "./chunk-store.contract.ts";
import { collectionContract } from "./collection.contract.ts";
import { contentContract } from "./content.contract.ts";
import { memorySubject } from "./fixtures.ts";
import { memoryChunks } from "./memory-chunks.ts";
import { linksContract } from "./links.contract.ts";
import { timeMachineContract } from "./time-machine.contract.ts";
import { batchContract } from "./batch.contract.ts";
import { mediaTypesContract } from "./media-types.contract.ts";
import { copiesContract } from "./copies.contract.ts";
import { locksContract } from "./locks.contract.ts";
import { thumbnailsContract } from "./thumbnails.contract.ts";
import { pathsContract } from "./paths.contract.ts";
import { propertiesContract } from "./properties.contract.ts";
import { repeatsContract } from "./repeats.contract.ts";
import { quotaContract } from "./quota.contract.ts";
import { retentionContract } from "./retention.contract.ts";
import { searchContract } from "./search.contract.ts";
import { membersContract } from "./members.contract.ts";
import { treeContract } from "./tree.contract.ts";
import { stagingsContract } from "./stagings.contract.ts";
import { uploadsContract } from "./uploads.contract.ts";

linksContract("memory", memorySubject);
treeContract("memory", memorySubject);
batchContract("memory", memorySubject);
mediaTypesContract("memory", memorySubject);
copiesContract("memory", memorySubject);
locksContract("memory", memorySubject);
pathsContract("memory", memorySubject);
propertiesContract("memory", memorySubject);
repeatsContract("memory", memorySubject);
thumbnailsContract("memory", memorySubject);
quotaContract("memory", memorySubject);
retentionContract("memory", memorySubject);
searchContract("memory", memorySubject);
membersContract("memory", memorySubject);
timeMachineContract("memory", memorySubject, 100);
changesContract("memory", memorySubject);
collectionContract("memory", memorySubject);
contentContract("memory", memorySubject);
stagingsContract("memory", memorySubject);
uploadsContract("memory", memorySubject);
chunkStoreContract("memory", async () => ({
  store: memoryChunks(systemClock),
  async [Symbol.asyncDispose]() {},
}));
