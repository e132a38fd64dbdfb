import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import {
  MemberJoined,
  MemberLeft,
  MemberRoleChanged,
  SpaceClosed,
  SpaceOpened,
  SpaceRenamed,
  type DriveEvent,
} from "./events.ts";
import type { NodeId, OwnerId, SpaceId, UserId } from "./ids.ts";
import type { MemberRole } from "./member-role.ts";
import type { NodeName } from "./node-name.ts";

/** Somebody other than the owner for whom a space is there. */
export type Member = {
  readonly userId: UserId;
  readonly role: MemberRole;
  readonly joinedAt: Instant;
};

/** A tree of files that one user owns, and others may be members of. */
export type Space = Versioned & {
  readonly id: SpaceId;
  readonly ownerId: OwnerId;
  readonly name: NodeName;
  /** The folder that everything lies in. */
  readonly rootId: NodeId;
  readonly openedAt: Instant;
  /** In the order in which they have joined. */
  readonly members: readonly Member[];
};

export type SpaceNotFound = { readonly type: "space-not-found"; readonly spaceId: SpaceId };

/** Files or folders are in it, or in its trash. */
export type SpaceNotEmpty = { readonly type: "space-not-empty"; readonly spaceId: SpaceId };

/** Spaces of one user at most, and spaces of others that one user is a member of. */
export const [maxSpaces, maxMemberships] = [20, 100];
export type TooManySpaces = { readonly type: "too-many-spaces"; readonly maxSpaces: number };

/** Members of one space at most, those who are invited included. */
export const maxMembers = 100;
export type TooManyMembers = { readonly type: "too-many-members"; readonly maxMembers: number };
export type MemberNotFound = { readonly type: "member-not-found"; readonly userId: UserId };
/** The owner of a space cannot be invited into it. */
export type AlreadyMember = { readonly type: "already-member"; readonly spaceId: SpaceId };

/** A space as somebody sees it; administrators may see those that they have no part in. */
export type SeenSpace = Space & { readonly role?: "owner" | MemberRole };

type Changed = Change<Space, DriveEvent>;

export const Space = {
  open(space: Omit<Space, "version" | "members">): Changed {
    const { id: spaceId, ownerId, rootId, name } = space;
    return {
      state: { ...space, members: [], version: Version.none },
      events: [SpaceOpened({ spaceId, ownerId, rootId, name })],
    };
  },

  seenBy(space: Space, userId: string): SeenSpace {
    const role = space.ownerId === userId ? "owner" : Space.roleOf(space, userId);
    return role === undefined ? space : { ...space, role };
  },

  rename(space: Space, name: NodeName): Changed {
    if (space.name === name) return unchanged(space);
    return {
      state: { ...space, name },
      events: [SpaceRenamed({ spaceId: space.id, name })],
    };
  },

  close: (space: Space): Changed => ({
    state: space,
    events: [SpaceClosed({ spaceId: space.id })],
  }),

  roleOf: ({ members }: Space, userId: string): MemberRole | undefined =>
    members.find((member) => member.userId === userId)?.role,

  /** Whoever is a member already gets the role. */
  join(space: Space, member: Member): Result<Changed, AlreadyMember | TooManyMembers> {
    const { id: spaceId, ownerId, members } = space;
    const { userId, role } = member;
    if (userId === ownerId) return err({ type: "already-member", spaceId });
    if (Space.roleOf(space, userId) !== undefined)
      return ok(expect(Space.changeRole(space, userId, role)));
    if (members.length >= maxMembers) return err({ type: "too-many-members", maxMembers });
    return ok({
      state: { ...space, members: [...members, member] },
      events: [MemberJoined({ spaceId, userId, role })],
    });
  },

  changeRole(space: Space, userId: UserId, role: MemberRole): Result<Changed, MemberNotFound> {
    const before = Space.roleOf(space, userId);
    if (before === undefined) return err({ type: "member-not-found", userId });
    if (before === role) return ok(unchanged(space));
    const members = space.members.map((one) => (one.userId === userId ? { ...one, role } : one));
    return ok({
      state: { ...space, members },
      events: [MemberRoleChanged({ spaceId: space.id, userId, role })],
    });
  },

  remove(space: Space, userId: UserId): Result<Changed, MemberNotFound> {
    const members = space.members.filter((one) => one.userId !== userId);
    if (members.length === space.members.length) return err({ type: "member-not-found", userId });
    return ok({
      state: { ...space, members },
      events: [MemberLeft({ spaceId: space.id, userId })],
    });
  },
};
