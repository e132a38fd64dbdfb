import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Upload, type Access, type Ids } from "#test/access.ts";
import type { Served, SignedIn } from "#test/basalt.ts";
import { post } from "#test/http.ts";

const file = new Upload("bytes", "?name=a.txt", "application/octet-stream");

const hash = createHash("sha256").update("hello").digest("hex");
const parts = new Upload(
  JSON.stringify({ hash, size: 5 }),
  `?name=b.txt&size=5&hash=${hash}`,
  "application/x-ndjson",
);

/** Opens a space with a file that has two revisions. */
async function spaceOf({ url }: Served, { headers }: SignedIn): Promise<Ids> {
  const at = { url, headers };
  const made = async (path: string, body: object) => {
    const answer = await post(at, path, body);
    assert.equal(answer.status, 201, `${path}: ${answer.text}`);
    return answer.body;
  };
  const space = await made("/drive/spaces", { name: "My files" });
  const answer = await fetch(
    `${url}/api/v1/drive/nodes/${String(space["rootId"])}/files${file.query}`,
    { method: "POST", body: "hello", headers: { ...headers, "content-type": file.type } },
  );
  assert.equal(answer.status, 201, await answer.clone().text());
  const { id } = (await answer.json()) as { readonly id: string };
  const revised = await fetch(`${url}/api/v1/drive/nodes/${id}/content`, {
    method: "PUT",
    body: "world",
    headers: { ...headers, "content-type": file.type, "if-match": '"r1"' },
  });
  assert.equal(revised.status, 200, await revised.clone().text());
  const invitation = await made(`/drive/spaces/${String(space["id"])}/invitations`, {
    email: "bob@example.com",
    role: "viewer",
  });
  const link = await made(`/drive/nodes/${id}/links`, {});
  const lock = await made(`/drive/nodes/${id}/locks`, { scope: "shared" });
  const begun = await fetch(
    `${url}/api/v1/drive/nodes/${String(space["rootId"])}/uploads${parts.query}`,
    { method: "POST", body: parts.text, headers: { ...headers, "content-type": parts.type } },
  );
  assert.equal(begun.status, 201, await begun.clone().text());
  const upload = (await begun.json()) as { readonly id: string };
  const staged = await fetch(`${url}/tus/${String(space["id"])}`, {
    method: "POST",
    headers: {
      ...headers,
      "tus-resumable": "1.0.0",
      "upload-length": "5",
      "upload-metadata": `filename ${btoa("t")}`,
    },
  });
  assert.equal(staged.status, 201, await staged.clone().text());
  return {
    spaceId: String(space["id"]),
    nodeId: id,
    revision: "1",
    uploadId: upload.id,
    stagingId: staged.headers.get("location")?.split("/").at(-1) ?? "",
    linkId: String(link["id"]),
    lockId: String(lock["id"]),
    invitationId: String(invitation["id"]),
  };
}

/** The operations of the drive, for the walk over all of them. */
export const access: Access = {
  open: [
    "GET /api/v1/drive/shared/{link}",
    "GET /api/v1/drive/shared/{link}/children",
    "GET /api/v1/drive/shared/{link}/content",
    "GET /api/v1/drive/shared/{link}/archive",
    "GET /api/v1/drive/shared/{link}/thumbnail",
    "POST /api/v1/drive/shared/{link}/visits",
    "POST /api/v1/drive/shared/{link}/files",
  ],
  everybodys: [
    "GET /api/v1/drive/spaces",
    "POST /api/v1/drive/spaces",
    "GET /api/v1/drive/usage",
    "GET /api/v1/drive/stagings",
    "GET /api/v1/drive/invitations",
  ],
  bodies: {
    "GET /api/v1/drive/spaces": undefined,
    "POST /api/v1/drive/spaces": { name: "Ours" },
    "GET /api/v1/drive/usage": undefined,
    "GET /api/v1/drive/stagings": undefined,
    "DELETE /api/v1/drive/stagings/{stagingId}": undefined,
    "GET /api/v1/drive/invitations": undefined,
    "POST /api/v1/drive/invitations/{invitationId}/acceptance": undefined,
    "DELETE /api/v1/drive/invitations/{invitationId}": undefined,
    "GET /api/v1/drive/spaces/{spaceId}/invitations": undefined,
    "POST /api/v1/drive/spaces/{spaceId}/invitations": {
      email: "eve@example.com",
      role: "editor",
    },
    "GET /api/v1/drive/spaces/{spaceId}/members": undefined,
    "PATCH /api/v1/drive/spaces/{spaceId}/members/{userId}": { role: "viewer" },
    "DELETE /api/v1/drive/spaces/{spaceId}/members/{userId}": undefined,
    "GET /api/v1/drive/spaces/{spaceId}": undefined,
    "PATCH /api/v1/drive/spaces/{spaceId}": { name: "Theirs" },
    "DELETE /api/v1/drive/spaces/{spaceId}": undefined,
    "GET /api/v1/drive/spaces/{spaceId}/trash": undefined,
    "GET /api/v1/drive/spaces/{spaceId}/paths": undefined,
    "GET /api/v1/drive/spaces/{spaceId}/search": new Upload("", "?q=file", ""),
    "GET /api/v1/drive/spaces/{spaceId}/changes": undefined,
    "GET /api/v1/drive/spaces/{spaceId}/changes/stream": undefined,
    "GET /api/v1/drive/nodes/{nodeId}": undefined,
    "GET /api/v1/drive/nodes/{nodeId}/children": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/folders": { name: "Ours" },
    "PATCH /api/v1/drive/nodes/{nodeId}": { name: "Ours" },
    "DELETE /api/v1/drive/nodes/{nodeId}": undefined,
    "DELETE /api/v1/drive/trash/{nodeId}": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/restoration": {},
    "POST /api/v1/drive/nodes/{nodeId}/files": file,
    "POST /api/v1/drive/nodes/{nodeId}/batch": new Upload("", "", "application/x-tar"),
    "POST /api/v1/drive/nodes/{nodeId}/copies": { name: "Ours" },
    "PUT /api/v1/drive/nodes/{nodeId}/content": new Upload("bytes", "", "application/octet-stream"),
    "GET /api/v1/drive/nodes/{nodeId}/content": undefined,
    "GET /api/v1/drive/nodes/{nodeId}/thumbnail": undefined,
    "GET /api/v1/drive/nodes/{nodeId}/archive": undefined,
    "GET /api/v1/drive/nodes/{nodeId}/manifest": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/uploads": parts,
    "POST /api/v1/drive/nodes/{nodeId}/content/uploads": new Upload(
      parts.text,
      `?size=5&hash=${hash}`,
      parts.type,
    ),
    "GET /api/v1/drive/nodes/{nodeId}/locks": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/locks": { scope: "shared" },
    "PATCH /api/v1/drive/locks/{lockId}": {},
    "DELETE /api/v1/drive/locks/{lockId}": undefined,
    "GET /api/v1/drive/nodes/{nodeId}/links": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/links": {},
    "DELETE /api/v1/drive/links/{linkId}": undefined,
    "GET /api/v1/drive/uploads/{uploadId}": undefined,
    "DELETE /api/v1/drive/uploads/{uploadId}": undefined,
    "PUT /api/v1/drive/uploads/{uploadId}/chunks": new Upload(
      "hello",
      "?chunks=0",
      "application/octet-stream",
    ),
    "POST /api/v1/drive/uploads/{uploadId}/commit": undefined,
    "GET /api/v1/drive/nodes/{nodeId}/past": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/past/restoration": { at: "2026-01-31T12:00:00Z" },
    "GET /api/v1/drive/nodes/{nodeId}/revisions": undefined,
    "POST /api/v1/drive/nodes/{nodeId}/revisions/{revision}/restoration": undefined,
  },
  ownersOnly: ["POST /api/v1/drive/invitations/{invitationId}/acceptance"],
  thingsOf: spaceOf,
};
