import { opaque } from "#kernel/shape.ts";
import { del, post, type Route } from "#platform/http/route.ts";
import { AddPasskey, BeginPasskey, RemovePasskey } from "../application/credentials/passkeys.ts";
import type { Identity } from "../index.ts";

export const passkeyRoutes = (identity: Identity): readonly Route[] => [
  post("/users/:userId/passkeys/options", {
    access: "signed-in",
    id: "startAddingPasskey",
    summary: "Start adding a passkey",
    description: "Returns the options for `navigator.credentials.create`.",
    input: BeginPasskey,
    handle: identity.beginPasskey,
    success: 200,
    output: opaque("WebAuthn options"),
    refusals: {
      "user-not-found": 404,
      "email-unverified": 403,
      forbidden: 403,
      "sign-in-too-old": 403,
    },
  }),
  post("/users/:userId/passkeys", {
    access: "signed-in",
    id: "addPasskey",
    summary: "Add a passkey",
    description: "Takes the response of `navigator.credentials.create` as JSON.",
    input: AddPasskey,
    handle: identity.addPasskey,
    success: 204,
    refusals: {
      "passkey-refused": 422,
      "too-many-passkeys": 409,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  del("/users/:userId/passkeys/:passkeyId", {
    access: "signed-in",
    id: "removePasskey",
    summary: "Remove a passkey",
    input: RemovePasskey,
    handle: identity.removePasskey,
    success: 204,
    refusals: { "passkey-not-found": 404, forbidden: 403, "sign-in-too-old": 403, conflict: 409 },
  }),
];
