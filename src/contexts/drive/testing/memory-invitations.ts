import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Invitations } from "../application/ports/invitations.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { Invitation } from "../domain/invitation.ts";
import { byText, type Tables } from "./memory-tables.ts";

/** Invitations in memory. */
export function invitationsIn(
  { invitations }: Tables,
  { change, append }: MemoryTransaction,
): Invitations {
  const where = (is: (one: Invitation) => boolean) =>
    [...invitations.rows.values()].filter(is).toSorted((a, b) => byText(a.id, b.id));
  const remove = (id: string) => change<Invitation>(invitations, id, () => undefined);
  return {
    byId: async (id) => invitations.rows.get(id),
    toSpace: async (spaceId) => where((one) => one.spaceId === spaceId),
    ofAddress: async (email, limit) => where((one) => one.email === email).slice(0, limit),
    save: saving<Invitation, DriveEvent>(append, idOf, (one) =>
      change<Invitation>(invitations, one.id, () => one),
    ),
    end({ state, events }) {
      append(state.id, state.version, events);
      remove(state.id);
    },
    expire(now) {
      for (const { id } of where((one) => one.expiresAt <= now)) remove(id);
    },
  };
}
