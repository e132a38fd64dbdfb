import type { IdentityEvent } from "../domain/events.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { independentMutation } from "#platform/postgres/writes.ts";
import type { Sessions } from "../application/ports.ts";
import type { Factor } from "../domain/factor.ts";
import type { SessionId } from "../domain/ids.ts";
import type { LiveSession, Session } from "../domain/session.ts";
import type { UserId } from "../domain/user-id.ts";

type LiveRow = {
  readonly id: string;
  readonly user_id: string;
  readonly factors: readonly Factor[];
  readonly address: string;
  readonly agent: string;
  readonly started_at: Instant;
  readonly last_used_at: Instant;
  readonly generation: number;
  readonly repeated: number;
  readonly version: number;
};
type Row = LiveRow & { readonly ended_at: Instant | null };

const columns =
  "id, user_id, factors, address, agent, started_at, last_used_at, generation, repeated, version";

const byId = statement<Row>(
  "identity.session-by-id",
  `select ${columns}, ended_at from identity.sessions where id = $1`,
);
const ofUser = statement<LiveRow>(
  "identity.sessions-of-user",
  `select ${columns} from identity.sessions
    where user_id = $1 and ended_at is null order by id desc`,
);
const upsert = independentMutation(
  "identity.session-upsert",
  "sessions",
  `insert into identity.sessions (${columns}, ended_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
   on conflict (id) do update set last_used_at = excluded.last_used_at,
     generation = excluded.generation, repeated = excluded.repeated, ended_at = excluded.ended_at,
     version = excluded.version`,
);

const forget = statement<{ id: string }>(
  "identity.sessions-forget",
  `delete from identity.sessions where id in (
     select id from identity.sessions where last_used_at < now() - make_interval(hours => $1)
      limit $2)
   returning id`,
);

/** Deletes sessions that were over long ago; answers how many. */
export const forgetSessions =
  (database: Database, olderThanHours: number) =>
  async (limit: number): Promise<number> =>
    (await database.query(forget, [olderThanHours, limit])).length;

const toLive = ({ address, agent, ...row }: LiveRow): LiveSession => ({
  status: "live",
  id: row.id as SessionId,
  userId: row.user_id as UserId,
  factors: row.factors,
  device: { address, agent },
  startedAt: row.started_at,
  lastUsedAt: row.last_used_at,
  generation: row.generation,
  repeated: row.repeated,
  version: row.version as Version,
});

const toSession = ({ ended_at, ...row }: Row): Session =>
  ended_at === null ? toLive(row) : { ...toLive(row), status: "ended", endedAt: ended_at };

export const postgresSessions = ({ read, write, append }: Transaction): Sessions => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toSession(row);
  },
  async ofUser(userId) {
    return (await read(ofUser, [userId])).map(toLive);
  },
  save: saving<Session, IdentityEvent>(append, idOf, (session) => {
    const { id, userId, factors, device, startedAt, lastUsedAt, generation, repeated, version } =
      session;
    write(upsert, [
      id,
      userId,
      factors,
      device.address,
      device.agent,
      startedAt,
      lastUsedAt,
      generation,
      repeated,
      version,
      session.status === "ended" ? session.endedAt : null,
    ]);
  }),
});
