import { statement, type Database } from "#platform/postgres/database.ts";
import type { Finding } from "#platform/process/module.ts";

const doubted = statement<{ readonly n: number }>(
  "drive.chunks-doubted",
  "select count(*) as n from drive.chunks where is_doubted",
);

/** Tells the doctor of chunks that were found damaged. */
export async function examineChunks(database: Database): Promise<Finding> {
  const [{ n } = { n: 0 }] = await database.query(doubted, []);
  return {
    ok: n === 0,
    what: "chunks of files",
    says: n === 0 ? "none was found damaged" : `${n} were found damaged: see \`drive verify\``,
  };
}
