import type { Delivered } from "./receiver.ts";

type Row = Readonly<Record<string, unknown>>;
type Ask = (sql: string) => Promise<readonly Row[]>;

/** Each reader has seen every event of the log, once, in the order of its stream. */
export async function trails(
  ask: Ask,
  { taken }: { readonly taken: readonly Delivered[] },
): Promise<readonly string[]> {
  return [
    ...(await gaps(ask)),
    ...(await seen(ask, "trail.seen", "true")),
    ...(await seen(ask, "trail.fragile", `version < ${firstTooMuch}`)),
    ...(await tooMuch(ask)),
    ...(await echoes(ask)),
    ...(await posted(ask, taken)),
  ];
}

const shownAtMost = 5;

async function gaps(ask: Ask): Promise<readonly string[]> {
  const rows = await ask(
    `select stream from trail.events e left join trail.trails t on t.id = stream
      group by stream, t.version
     having count(*) <> max(e.version) or t.version is distinct from max(e.version)
      limit ${shownAtMost}`,
  );
  return rows.map(({ stream }) => `trail: ${String(stream)} is not what its events say`);
}

/** The first event of a stream that the fragile consumer cannot do; it stays in front of all later ones. */
const firstTooMuch = `coalesce((select min(p.version) from trail.events p
  where p.stream = e.stream and p.payload ->> 'step' in ('fail', 'stall')), 2147483647)`;

/** Of the events that it should have seen, each once, and per stream in their order. */
async function seen(ask: Ask, reader: string, wanted: string): Promise<readonly string[]> {
  const rows = await ask(
    `with wanted as (select stream, array_agg(version::int order by version) as versions
                       from trail.events e where ${wanted} group by stream),
          seen as (select stream, array_agg(version order by number) as versions
                     from trail.sightings where reader = '${reader}' group by stream)
     select stream, s.versions as saw, w.versions as wanted
       from wanted w full join seen s using (stream)
      where s.versions is distinct from w.versions limit ${shownAtMost}`,
  );
  return rows.map(
    ({ stream, saw, wanted: expected }) =>
      `${reader}: saw ${String(stream)} as ${String(saw)} in place of ${String(expected)}`,
  );
}

/** The events at which it fails are its dead letters, and no others are. */
async function tooMuch(ask: Ask): Promise<readonly string[]> {
  const rows = await ask(
    `with wanted as (select stream, min(version)::int as version from trail.events
                      where payload ->> 'step' in ('fail', 'stall') group by stream),
          dead as (select stream, version::int from trail.parked_streams
                    where subscription = 'trail.fragile' and state = 'dead')
     select stream, w.version as wanted, d.version as dead from wanted w full join dead d using (stream)
      where w.version is distinct from d.version limit ${shownAtMost}`,
  );
  return rows.map((row) => `trail.fragile: another dead letter: ${JSON.stringify(row)}`);
}

/** What a consumer appends beside commands follows from each event once. */
async function echoes(ask: Ask): Promise<readonly string[]> {
  const rows = await ask(
    `select coalesce(s.id, e.of) as id, e.n from
       (select id from trail.events where payload ->> 'step' = 'echo') s
       full join (select payload ->> 'of' as of, count(*)::int as n from trail.events
                   where type = 'trail.echoed' group by 1) e on e.of = s.id
      where s.id is null or e.n is distinct from 1 limit ${shownAtMost}`,
  );
  return rows.map(({ id, n }) => `trail.echo: ${String(id)} was echoed ${Number(n ?? 0)} times`);
}

/** Outside, everything has arrived, and for the first time in the order of its stream. */
async function posted(ask: Ask, taken: readonly Delivered[]): Promise<readonly string[]> {
  const rows = await ask("select id, stream, version::int as version from trail.events");
  const known = new Set(rows.map(({ id }) => id));
  const arrived = new Set<string>();
  const last = new Map<string, number>();
  const complaints: string[] = [];
  for (const { id, stream, version } of taken) {
    if (!known.has(id) || arrived.has(id)) continue; // lost with a restore, or handed over again
    arrived.add(id);
    const before = last.get(stream) ?? 0;
    if (version !== before + 1)
      complaints.push(`trail.post: ${stream} arrived as ${version} after ${before}`);
    last.set(stream, version);
  }
  const missed = rows.filter(({ id }) => !arrived.has(String(id)));
  return [
    ...complaints.slice(0, shownAtMost),
    ...missed
      .slice(0, shownAtMost)
      .map(
        ({ stream, version }) => `trail.post: ${String(stream)} ${String(version)} never arrived`,
      ),
  ];
}
