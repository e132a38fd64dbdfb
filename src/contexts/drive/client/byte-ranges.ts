/** Some bytes of a file, and where they lie in it. */
export type RangedBytes = { readonly from: number; readonly bytes: Uint8Array };

const placeIn = (header: string): { readonly from: number; readonly until: number } | undefined => {
  const [, from, last] = /bytes (\d+)-(\d+)\//i.exec(header) ?? [];
  return from === undefined ? undefined : { from: Number(from), until: Number(last) + 1 };
};

/** The parts of an answer to a request with `Range`: one, several, or the whole file. Source: RFC 9110, 14.6. */
export async function inRanges(answer: Response): Promise<readonly RangedBytes[]> {
  const body = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 206) return [{ from: 0, bytes: body }];
  const only = placeIn(answer.headers.get("content-range") ?? "");
  if (only) return [{ from: only.from, bytes: body }];
  const parts: RangedBytes[] = [];
  for (let at = 0; ;) {
    const headEnd = body.indexOf("\r\n\r\n", at);
    if (headEnd < 0) return parts;
    const place = placeIn(body.toString("latin1", at, headEnd));
    if (!place) return parts;
    const start = headEnd + 4;
    const end = start + place.until - place.from;
    if (end > body.length) throw new Error("the answer ends in the midst of a part");
    parts.push({ from: place.from, bytes: body.subarray(start, end) });
    at = end;
  }
}
