import { post } from "#test/http.ts";
import type { Access } from "#test/access.ts";

export const access: Access = {
  open: [],
  everybodys: ["POST /api/v1/notes"],
  bodies: {
    "POST /api/v1/notes": { text: "mine" },
    "PATCH /api/v1/notes/{noteId}": { text: "not yours" },
    "GET /api/v1/authors/{authorId}/notes": undefined,
  },
  ownersOnly: [],
  async thingsOf({ url }, { userId, headers }) {
    const written = await post({ url, headers }, "/notes", { text: "mine" });
    return { authorId: userId, noteId: String(written.body["id"]) };
  },
};
