import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Thumbnails } from "../application/ports/thumbnails.ts";

const find = statement<{ readonly picture: string | null }>(
  "drive.thumbnail-find",
  `select encode(picture, 'base64') as picture from drive.thumbnails
    where space_id = $1 and hash = $2 and pixels = $3 and (until is null or until > $4::timestamptz)`,
);
const keep = mutation(
  "drive.thumbnail-keep",
  "thumbnails",
  `with held as materialized (select from drive.contents where space_id = $1 and hash = $2 for key share)
   insert into drive.thumbnails (space_id, hash, pixels, picture, until)
   select $1, $2, $3::int, decode($4, 'base64'), $5::timestamptz from held
   on conflict (space_id, hash, pixels) do update set picture = excluded.picture, until = excluded.until`,
);

export const postgresThumbnails = ({ read, write }: Transaction): Thumbnails => ({
  async find({ spaceId, hash, pixels }, now) {
    const [row] = await read(find, [spaceId, hash, pixels, now]);
    return row && { bytes: row.picture === null ? undefined : Buffer.from(row.picture, "base64") };
  },
  keep({ spaceId, hash, pixels }, { bytes, until }) {
    const picture = bytes === undefined ? null : Buffer.from(bytes).toString("base64");
    write(keep, [spaceId, hash, pixels, picture, until ?? null]);
  },
});
