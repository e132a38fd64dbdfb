import { accountsContract } from "./accounts.contract.ts";
import { connectionsContract } from "./connections.contract.ts";
import { exchangesContract } from "./exchanges.contract.ts";
import { memorySubject } from "./fixtures.ts";
import { ledgerContract } from "./ledger.contract.ts";
import { programsContract } from "./programs.contract.ts";
import { statementDecisionsContract } from "./statement-decisions.contract.ts";
import { statementsContract } from "./statements.contract.ts";
import { transfersContract } from "./transfers.contract.ts";

accountsContract("memory", memorySubject);
transfersContract("memory", memorySubject);
ledgerContract("memory", memorySubject);
programsContract("memory", memorySubject);
exchangesContract("memory", memorySubject);
statementsContract("memory", memorySubject);
statementDecisionsContract("memory", memorySubject);
connectionsContract("memory", memorySubject);
