import type { Access } from "#test/access.ts";

export const access: Access = {
  open: [],
  everybodys: ["POST /api/v1/notes"],
  bodies: {
    "POST /api/v1/notes": { text: "mine" },
    "GET /api/v1/authors/{authorId}/notes": undefined,
  },
  ownersOnly: [],
  thingsOf: async (_served, { userId }) => ({ authorId: userId }),
};
