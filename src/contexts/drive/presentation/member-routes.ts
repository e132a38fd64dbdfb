import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import {
  AnswerInvitation,
  InviteMember,
  ListInvitations,
  ListInvited,
} from "../application/spaces/invitations.ts";
import { ChangeMember, ListMembers, RemoveMember } from "../application/spaces/members.ts";
import type { Drive } from "../index.ts";
import {
  InvitationsView,
  InvitationView,
  MembersView,
  MemberView,
  OwnInvitationsView,
  SpaceView,
  toInvitation,
  toOwnInvitation,
  toSpace,
} from "./views.ts";

const inSpace = { "space-not-found": 404, forbidden: 403 } as const;

const inviting = (drive: Drive): readonly Route[] => [
  post("/drive/spaces/:spaceId/invitations", {
    access: "signed-in",
    id: "inviteMember",
    summary: "Invite a person to a space",
    description:
      "The owner of the verified address can join the space within 30 days: as a `viewer`, who can read it, or as an `editor`, who can change and share it, too. No email is sent, and the answer does not tell whether a user has that address.",
    input: InviteMember,
    handle: drive.inviteMember,
    success: 201,
    output: InvitationView,
    present: toInvitation,
    location: ({ id }) => `/drive/invitations/${id}`,
    refusals: {
      ...inSpace,
      "address-invalid": 422,
      "already-invited": 409,
      "already-member": 409,
      "too-many-members": 409,
      conflict: 409,
    },
  }),
  get("/drive/spaces/:spaceId/invitations", {
    access: "signed-in",
    id: "listInvited",
    summary: "List the invitations to a space",
    input: ListInvited,
    handle: drive.listInvited,
    success: 200,
    output: InvitationsView,
    present: (items) => ({ items: items.map(toInvitation) }),
    refusals: inSpace,
  }),
];

const answering = (drive: Drive): readonly Route[] => [
  get("/drive/invitations", {
    access: "signed-in",
    id: "listInvitations",
    summary: "List the invitations of the caller",
    description: "The spaces that the caller may join, by the address that they have verified.",
    input: ListInvitations,
    handle: drive.listInvitations,
    success: 200,
    output: OwnInvitationsView,
    present: (items) => ({ items: items.map(toOwnInvitation) }),
    refusals: { forbidden: 403 },
  }),
  post("/drive/invitations/:invitationId/acceptance", {
    access: "signed-in",
    id: "acceptInvitation",
    summary: "Join a space",
    description: "One user is a member of at most 100 spaces of others.",
    input: AnswerInvitation,
    handle: drive.acceptInvitation,
    success: 200,
    output: SpaceView,
    present: toSpace,
    refusals: {
      "invitation-not-found": 404,
      "already-member": 409,
      "too-many-members": 409,
      "too-many-spaces": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  del("/drive/invitations/:invitationId", {
    access: "signed-in",
    id: "endInvitation",
    summary: "Decline or withdraw an invitation",
    input: AnswerInvitation,
    handle: drive.endInvitation,
    success: 204,
    refusals: { "invitation-not-found": 404, forbidden: 403, conflict: 409 },
  }),
];

const members = (drive: Drive): readonly Route[] => [
  get("/drive/spaces/:spaceId/members", {
    access: "signed-in",
    id: "listMembers",
    summary: "List the members of a space",
    description: "In the order in which they have joined. The owner of the space is not listed.",
    input: ListMembers,
    handle: drive.listMembers,
    success: 200,
    output: MembersView,
    present: (items) => ({ items }),
    refusals: inSpace,
  }),
  patch("/drive/spaces/:spaceId/members/:userId", {
    access: "signed-in",
    id: "changeMember",
    summary: "Give a member another role",
    input: ChangeMember,
    handle: drive.changeMember,
    success: 200,
    output: MemberView,
    refusals: { ...inSpace, "member-not-found": 404, conflict: 409 },
  }),
  del("/drive/spaces/:spaceId/members/:userId", {
    access: "signed-in",
    id: "removeMember",
    summary: "End a membership",
    description:
      "Ends the membership at once, and with it the streams, open uploads, links and open invitations of the member; a download that has begun goes on. Members can remove themselves.",
    input: RemoveMember,
    handle: drive.removeMember,
    success: 204,
    refusals: { ...inSpace, "member-not-found": 404, conflict: 409 },
  }),
];

export const memberRoutes = (drive: Drive): readonly Route[] => [
  ...inviting(drive),
  ...answering(drive),
  ...members(drive),
];
