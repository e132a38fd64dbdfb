// The door of tus beside @tus/server on its own file store (unflushed).
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { mebibytes, rate, rounds } from "./beside-nginx.ts";
import { openSpace } from "./drive.ts";
import { signIn, unlimited } from "./http.ts";
import { median, scratchFolder, spread, startServer, type Figure } from "./measure.ts";

type Headers = Readonly<Record<string, string>>;
/** Where uploads begin, and what their requests have. */
type Place = { readonly url: string; readonly headers: Headers };

const pieceMebibytes = 8;
const version = { "tus-resumable": "1.0.0" };
let begun = 0;

/** Begins an upload of so many MiB. Answers its address. */
async function begin({ url, headers }: Place): Promise<string> {
  begun += 1;
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      ...headers,
      ...version,
      "upload-length": String(mebibytes * 2 ** 20),
      "upload-metadata": `filename ${btoa(`big-${begun}`)}`,
    },
  });
  if (!answer.ok) throw new Error(await answer.text());
  return new URL(answer.headers.get("location") ?? "", url).href;
}

/** MiB/s of an upload by one request. */
async function whole(place: Place, folder: string): Promise<number> {
  const [file, out] = [path.join(folder, "big"), path.join(folder, "out")];
  writeFileSync(file, randomBytes(mebibytes * 2 ** 20));
  const address = await begin(place);
  const headers = {
    ...place.headers,
    ...version,
    "upload-offset": "0",
    "content-type": "application/offset+octet-stream",
  };
  const flags = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  return rate(["-o", out, "-X", "PATCH", "-T", file, ...flags, address]);
}

/** MiB/s of an upload by requests of 8 MiB. */
async function inPieces(place: Place): Promise<number> {
  const address = await begin(place);
  const pieces = Array.from({ length: mebibytes / pieceMebibytes }, () =>
    randomBytes(pieceMebibytes * 2 ** 20),
  );
  const began = performance.now();
  for (const [i, body] of pieces.entries()) {
    const answer = await fetch(address, {
      method: "PATCH",
      headers: {
        ...place.headers,
        ...version,
        "upload-offset": String(i * pieceMebibytes * 2 ** 20),
        "content-type": "application/offset+octet-stream",
      },
      body,
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
  return mebibytes / ((performance.now() - began) / 1_000);
}

const figure = (what: string, own: readonly number[], peer: readonly number[]): Figure => {
  const ratio = median(own) / median(peer);
  return {
    what,
    measured: `${spread(own, 0)} MiB/s, ${ratio.toFixed(2)} × @tus/server`,
    bar: "≥ 0.9 ×",
    kept: ratio >= 0.9,
  };
};

export async function tusFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const store = path.join(folder.path, "peer");
  mkdirSync(store);
  await using server = await startServer(["src/cli.ts", "start"], {
    ...unlimited,
    BASALT_DATA_DIR: path.join(folder.path, "data"),
  });
  await using peer = await startServer(["bench/tus-peer.ts", store], {});
  const { headers } = await signIn(server);
  await openSpace({ url: server.url, headers });
  const own = { url: `${server.url}/tus/Bench`, headers };
  const other = { url: `${peer.url}/tus`, headers: {} };
  const measured: Record<"own" | "peer", { whole: number[]; pieces: number[] }> = {
    own: { whole: [], pieces: [] },
    peer: { whole: [], pieces: [] },
  };
  for (let round = 0; round < rounds; round += 1)
    for (const [who, place] of [
      ["own", own],
      ["peer", other],
    ] as const) {
      measured[who].whole.push(await whole(place, folder.path));
      measured[who].pieces.push(await inPieces(place));
    }
  const { own: ours, peer: theirs } = measured;
  return [
    figure(`upload of ${mebibytes} MiB by one request, flushed,`, ours.whole, theirs.whole),
    figure(`the same by requests of ${pieceMebibytes} MiB, flushed,`, ours.pieces, theirs.pieces),
  ];
}
