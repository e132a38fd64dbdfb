import type { Access } from "#test/access.ts";
import { password } from "#test/basalt.ts";

export const access: Access = {
  open: [
    "POST /api/v1/email-verifications",
    "POST /api/v1/password-resets",
    "POST /api/v1/passwords",
    "POST /api/v1/sessions",
    "POST /api/v1/sessions/passkey",
    "POST /api/v1/sessions/passkey/options",
    "POST /api/v1/sessions/refresh",
    "POST /api/v1/users",
  ],
  everybodys: ["GET /api/v1/me", "POST /api/v1/verified-emails"],
  bodies: {
    "POST /api/v1/verified-emails": { token: "basalt_none.none.none" },
    "GET /api/v1/me": undefined,
    "GET /api/v1/users": undefined,
    "GET /api/v1/users/{userId}": undefined,
    "PATCH /api/v1/users/{userId}": { name: "Mine now" },
    "DELETE /api/v1/users/{userId}": undefined,
    "PUT /api/v1/users/{userId}/status": { status: "disabled" },
    "PUT /api/v1/users/{userId}/roles": { roles: ["admin"] },
    "GET /api/v1/users/{userId}/sessions": undefined,
    "DELETE /api/v1/users/{userId}/sessions": undefined,
    "DELETE /api/v1/sessions/{sessionId}": undefined,
    "GET /api/v1/users/{userId}/personal-data": undefined,
    "GET /api/v1/users/{userId}/credentials": undefined,
    "PUT /api/v1/users/{userId}/password": {
      currentPassword: password,
      newPassword: "battery staple correct",
    },
    "POST /api/v1/users/{userId}/totp": undefined,
    "POST /api/v1/users/{userId}/totp/activation": { code: "123456" },
    "DELETE /api/v1/users/{userId}/totp": undefined,
    "POST /api/v1/users/{userId}/passkeys/options": undefined,
    "POST /api/v1/users/{userId}/invitation": undefined,
    "POST /api/v1/users/{userId}/passkeys": {
      name: "mine",
      response: {
        id: "x",
        type: "public-key",
        response: { clientDataJSON: "", attestationObject: "" },
      },
    },
    "DELETE /api/v1/users/{userId}/passkeys/{passkeyId}": undefined,
    "POST /api/v1/users/{userId}/api-keys": { name: "mine", scopes: ["*:*"], expiresInDays: 1 },
    "POST /api/v1/users/{userId}/devices": { token: "basalt_none.none.none" },
    "GET /api/v1/users/{userId}/api-keys": undefined,
    "DELETE /api/v1/api-keys/{keyId}": undefined,
    "GET /api/v1/policies": undefined,
    "PUT /api/v1/policies/{role}": { permissions: ["*:*"] },
    "GET /api/v1/audit": undefined,
  },
  // Nobody, an administrator neither, adds to the credentials of another user.
  ownersOnly: [
    "POST /api/v1/users/{userId}/api-keys",
    "POST /api/v1/users/{userId}/devices",
    "POST /api/v1/users/{userId}/passkeys",
    "POST /api/v1/users/{userId}/passkeys/options",
    "POST /api/v1/users/{userId}/totp",
    "POST /api/v1/users/{userId}/totp/activation",
    "PUT /api/v1/users/{userId}/password",
  ],
  async thingsOf(served, { userId, sessionId, headers }) {
    const post = (path: string, body?: object) =>
      fetch(`${served.url}/api/v1/users/${userId}${path}`, {
        method: "POST",
        headers: { ...headers, ...(body ? { "content-type": "application/json" } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const key = { name: "other", scopes: [], expiresInDays: 1 };
    const { id: keyId } = (await (await post("/api-keys", key)).json()) as { readonly id: string };
    await post("/totp");
    return { userId, sessionId, keyId, passkeyId: "x", role: "member" };
  },
};
