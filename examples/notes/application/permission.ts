import { permissions } from "#kernel/permission.ts";

/** What the notes ask for before they act. */
export const Permissions = permissions({
  writeNote: "notes:write",
  rewriteNote: "notes:rewrite",
  readNotes: "notes:read",
});
