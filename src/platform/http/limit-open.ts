import type { FastifyReply } from "fastify";

/** The connection is closed, and no further event will report it. */
const isGone = ({ raw, request: { socket } }: FastifyReply): boolean =>
  raw.destroyed || socket.destroyed;

/** Counts what is open, for all and for each actor. */
export function limitOpen(mostOfAll: number, mostOfOne: number): (reply: FastifyReply) => boolean {
  const open = new Map<string, number>();
  let all = 0;
  return (reply) => {
    const { actor } = reply.request.principal;
    const own = open.get(actor) ?? 0;
    if (all >= mostOfAll || own >= mostOfOne || isGone(reply)) return false;
    all += 1;
    open.set(actor, own + 1);
    reply.raw.once("close", () => {
      all -= 1;
      const left = (open.get(actor) ?? 1) - 1;
      if (left === 0) open.delete(actor);
      else open.set(actor, left);
    });
    return true;
  };
}
