import { list, named, shape } from "#kernel/shape.ts";
import { get, type Route } from "#platform/http/route.ts";
import {
  ExportPersonalData,
  maxExportedEntries,
} from "../application/users/export-personal-data.ts";
import type { Identity } from "../index.ts";
import { ApiKeyView, toApiKey } from "./api-key-routes.ts";
import { AuditRecordView, toAuditRecord } from "./audit-routes.ts";
import { CredentialsView, toCredentialsView } from "./credential-routes.ts";
import { SessionView, toSessionView } from "./session-routes.ts";
import { toUserView, UserView } from "./user-routes.ts";

const most = 10_000;

const PersonalDataView = named(
  "PersonalData",
  shape({
    user: UserView,
    credentials: CredentialsView,
    sessions: list(SessionView, most),
    apiKeys: list(ApiKeyView, most),
    audit: list(AuditRecordView, maxExportedEntries),
  }),
);

export const personalDataRoutes = (identity: Identity): readonly Route[] => [
  get("/users/:userId/personal-data", {
    access: "signed-in",
    attempts: { name: "personal-data", account: "actor" },
    id: "exportPersonalDataOfUser",
    summary: "Export the personal data of a user",
    description:
      "All that identity knows of a person, without secrets: user, credentials, sessions, API keys, and the newest " +
      "10 000 audit entries of what they did.",
    input: ExportPersonalData,
    handle: identity.exportPersonalData,
    success: 200,
    output: PersonalDataView,
    present: ({ user, credentials, sessions, apiKeys, audit }) => ({
      user: toUserView(user),
      credentials: toCredentialsView(credentials),
      sessions: sessions.map(toSessionView),
      apiKeys: apiKeys.map(toApiKey),
      audit: audit.map(toAuditRecord),
    }),
    refusals: { "user-not-found": 404, forbidden: 403 },
  }),
];
