import { accountsContract } from "../testing/accounts.contract.ts";
import { connectionsContract } from "../testing/connections.contract.ts";
import { exchangesContract } from "../testing/exchanges.contract.ts";
import { ledgerContract } from "../testing/ledger.contract.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { programsContract } from "../testing/programs.contract.ts";
import { statementDecisionsContract } from "../testing/statement-decisions.contract.ts";
import { statementsContract } from "../testing/statements.contract.ts";
import { transfersContract } from "../testing/transfers.contract.ts";

accountsContract("Postgres", postgresSubject);
transfersContract("Postgres", postgresSubject);
ledgerContract("Postgres", postgresSubject);
programsContract("Postgres", postgresSubject);
exchangesContract("Postgres", postgresSubject);
statementsContract("Postgres", postgresSubject);
statementDecisionsContract("Postgres", postgresSubject);
connectionsContract("Postgres", postgresSubject);
