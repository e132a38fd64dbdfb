/**
 * Identity: who the people are, how they show it, and what they may.
 *
 * - **user**: a person with an email address that no other present user has
 * - **credentials**: all that a user can show: password, second factor, passkeys
 * - **session**: somebody signed in on one device, by a chain of refresh tokens
 * - **API key**: lets a machine act as its owner, within scopes
 * - **role**, **policy**: what somebody is to the system, and what that lets them do
 * - **owner**: whose it is; what owners may is a policy too
 */
import type { Context } from "#kernel/context.ts";
import type { MayAct, Permission } from "#kernel/permission.ts";
import type { Result } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Audit } from "#kernel/audit.ts";
import { createHandlers } from "#platform/handlers/handlers.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import {
  assignRoles,
  resendInvitation,
  setUserStatus,
} from "./application/users/administer-users.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "./application/access/api-keys.ts";
import {
  approveDeviceRequest,
  collectDeviceKey,
  describeDeviceRequest,
  requestDevice,
  type CollectedKey,
  type DeviceRequest,
} from "./application/access/devices.ts";
import { changePassword } from "./application/credentials/change-password.ts";
import { deleteUser } from "./application/users/delete-user.ts";
import { endSession, endSessions } from "./application/sessions/end-sessions.ts";
import { ensureAdministrator } from "./application/users/ensure-administrator.ts";
import { eraseUsers } from "./application/users/erase-users.ts";
import { exportPersonalData } from "./application/users/export-personal-data.ts";
import { getCredentials } from "./application/credentials/get-credentials.ts";
import { getUser } from "./application/users/get-user.ts";
import { listAudit } from "./application/access/list-audit.ts";
import { listSessions } from "./application/sessions/list-sessions.ts";
import { listUsers } from "./application/users/list-users.ts";
import {
  addPasskey,
  beginPasskey,
  beginPasskeySignIn,
  removePasskey,
  signInWithPasskey,
} from "./application/credentials/passkeys.ts";
import { changePolicy, listPolicies } from "./application/access/policies.ts";
import type {
  AccessTokens,
  IdentityScope,
  IsCommonPassword,
  PasskeyCeremonies,
  Passwords,
  RecoveryCodes,
  Sealing,
  Tokens,
  TotpCodes,
  TooBusy,
} from "./application/ports.ts";
import { refreshSession } from "./application/sessions/refresh-session.ts";
import { registerUser, type Registration } from "./application/users/register-user.ts";
import { setPassword } from "./application/credentials/set-password.ts";
import { signIn } from "./application/sessions/sign-in.ts";
import { activateTotp, enrolTotp, removeTotp } from "./application/credentials/totp.ts";
import { updateUser } from "./application/users/update-user.ts";
import {
  requestEmailVerification,
  requestPasswordReset,
  verifyEmail,
} from "./application/credentials/verify-email.ts";
import type { SessionLimits } from "./domain/session.ts";

export { identityEvents, type IdentityEvent } from "./domain/events.ts";
export { UserId } from "./domain/user-id.ts";

/** The interface of identity for the modules that come after it. */
export type IdentityProvides = {
  readonly mayAct: MayAct;
  /** For passwords that are none of users: all are hashed in one queue, so that they starve nothing else. */
  readonly slowHashes: SlowHashes;
  readonly addresses: Addresses;
  readonly devices: Devices;
};

/** API keys for devices, each of which somebody approves on a page. */
export type Devices = {
  /** The path of the page, and what the device collects its key with. Nothing is kept. */
  readonly request: (
    wanted: DeviceRequest,
    context: Context,
  ) => Promise<{ readonly page: string; readonly collectionToken: string }>;
  /** Returns the key; undefined while nobody has approved the request, and once it is too late. */
  readonly collect: (token: string, context: Context) => Promise<CollectedKey | undefined>;
  /** Revokes the API key that a request was sent with; answers whether there was one. */
  readonly disconnect: (context: Context) => Promise<boolean>;
};

/** Email addresses, for contexts that let people reach each other by them. */
export type Addresses = {
  /** As two spellings of one address are compared; undefined where mail cannot be sent to it. */
  readonly canonical: (typed: string) => string | undefined;
  /** That of an active user, once they have shown that mail to it reaches them. */
  readonly verifiedOf: (userId: string) => Promise<string | undefined>;
};

export type SlowHashes = {
  readonly hash: (text: string) => Promise<Result<string, TooBusy>>;
  readonly matches: (text: string, hash: string) => Promise<Result<boolean, TooBusy>>;
};

export type IdentityDeps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly mayAct: MayAct;
  readonly passwords: Passwords;
  readonly isCommonPassword: IsCommonPassword;
  readonly tokens: Tokens;
  readonly accessTokens: AccessTokens;
  readonly sealing: Sealing;
  readonly totpCodes: TotpCodes;
  readonly recoveryCodes: RecoveryCodes;
  readonly passkeyCeremonies: PasskeyCeremonies;
  readonly registration: Registration;
  /** The permissions that the use cases of all contexts ask for. */
  readonly permissions: readonly Permission[];
  readonly sessionLimits: SessionLimits;
  readonly eraseAfterMs: number;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly metrics: Metrics;
  readonly audit: Audit;
};

/** All that identity can be asked to do. */
export const createIdentity = (deps: IdentityDeps) =>
  createHandlers(
    "identity",
    {
      registerUser: registerUser(deps),
      updateUser: updateUser(deps),
      deleteUser: deleteUser(deps),
      getUser: getUser(deps),
      listUsers: listUsers(deps),
      setUserStatus: setUserStatus(deps),
      assignRoles: assignRoles(deps),
      resendInvitation: resendInvitation(deps),
      ensureAdministrator: ensureAdministrator(deps),
      exportPersonalData: exportPersonalData(deps),
      eraseUsers: eraseUsers(deps),

      signIn: signIn(deps),
      refreshSession: refreshSession(deps),
      listSessions: listSessions(deps),
      endSession: endSession(deps),
      endSessions: endSessions(deps),

      getCredentials: getCredentials(deps),
      changePassword: changePassword(deps),
      requestPasswordReset: requestPasswordReset(deps),
      setPassword: setPassword(deps),
      requestEmailVerification: requestEmailVerification(deps),
      verifyEmail: verifyEmail(deps),
      enrolTotp: enrolTotp(deps),
      activateTotp: activateTotp(deps),
      removeTotp: removeTotp(deps),
      beginPasskey: beginPasskey(deps),
      addPasskey: addPasskey(deps),
      removePasskey: removePasskey(deps),
      beginPasskeySignIn: beginPasskeySignIn(deps),
      signInWithPasskey: signInWithPasskey(deps),

      createApiKey: createApiKey(deps),
      listApiKeys: listApiKeys(deps),
      revokeApiKey: revokeApiKey(deps),
      requestDevice: requestDevice(deps),
      describeDeviceRequest: describeDeviceRequest(deps),
      approveDeviceRequest: approveDeviceRequest(deps),
      collectDeviceKey: collectDeviceKey(deps),
      listPolicies: listPolicies(deps),
      changePolicy: changePolicy(deps),
      listAudit: listAudit(deps),
    },
    {
      ...deps,
      denials: [
        "forbidden",
        "sign-in-too-old",
        "sign-in-refused",
        "wrong-password",
        "second-factor-required",
        "code-refused",
        "passkey-refused",
        "refresh-token-reused",
        "token-refused",
        "invitation-expired",
        "email-unverified",
      ],
      targetFields: ["email", "role"],
    },
  );

export type Identity = ReturnType<typeof createIdentity>;
