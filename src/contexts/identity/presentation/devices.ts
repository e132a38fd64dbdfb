import type { Devices, Identity } from "../index.ts";
import { expect } from "#kernel/result.ts";
import { ApiKeyId } from "../domain/ids.ts";
import { Token } from "../application/tokens.ts";
import { devicePageOf } from "./pages/device-page.ts";

/** What the doors of other contexts ask for their clients. */
export const devices = (identity: Identity): Devices => ({
  async request(wanted, context) {
    const { requestToken, collectionToken } = expect(await identity.requestDevice(wanted, context));
    return { page: devicePageOf(requestToken), collectionToken };
  },
  async collect(text, context) {
    const token = Token.parse(text);
    if (!token.ok) return undefined;
    const collected = await identity.collectDeviceKey({ token: token.value }, context);
    return collected.ok ? collected.value : undefined;
  },
  async disconnect(context) {
    const keyId = ApiKeyId.parse(context.credential);
    return keyId.ok && (await identity.revokeApiKey({ keyId: keyId.value }, context)).ok;
  },
});
