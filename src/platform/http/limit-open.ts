import type { FastifyReply, FastifyRequest } from "fastify";
import { originOf, subnetOf } from "./gate.ts";

type Closing = { once(event: "close", listener: () => void): unknown };

/** Counts what is open, for all and for each holder, until it closes. */
export function places(mostOfAll: number, mostOfOne: number) {
  const open = new Map<string, number>();
  let all = 0;
  return (holder: string, opened: Closing): boolean => {
    const own = open.get(holder) ?? 0;
    if (all >= mostOfAll || own >= mostOfOne) return false;
    all += 1;
    open.set(holder, own + 1);
    opened.once("close", () => {
      all -= 1;
      const left = (open.get(holder) ?? 1) - 1;
      if (left === 0) open.delete(holder);
      else open.set(holder, left);
    });
    return true;
  };
}

/** The connection is closed, and no further event will report it. */
const isGone = ({ raw, request: { socket } }: FastifyReply): boolean =>
  raw.destroyed || socket.destroyed;

/** Strangers are not one person: each network of theirs is. */
function holderOf(request: FastifyRequest): string {
  const { actor } = request.principal;
  return actor === "anonymous" ? subnetOf(originOf(request).address) : actor;
}

/** Limits what is answered at once, to all and to each actor, or each network of strangers. */
export function limitOpen(mostOfAll: number, mostOfOne: number): (reply: FastifyReply) => boolean {
  const take = places(mostOfAll, mostOfOne);
  return (reply) => !isGone(reply) && take(holderOf(reply.request), reply.raw);
}
