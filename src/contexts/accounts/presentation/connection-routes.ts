import { following, progress } from "#platform/http/progress.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import type { Timers } from "#platform/runtime.ts";
import { ConnectProvider, Reconnect } from "../application/connections/connect-provider.ts";
import { ConnectionStep } from "../application/connections/disconnect.ts";
import {
  GetConnection,
  GetSync,
  ListConnections,
  ListProviders,
  ListSyncs,
} from "../application/connections/read-connections.ts";
import { RequestSync } from "../application/connections/request-sync.ts";
import type { Sync } from "../domain/sync.ts";
import type { AccountsHandlers } from "../index.ts";
import {
  ConnectionListView,
  ConnectionView,
  ProviderListView,
  SyncListView,
  SyncView,
  toConnection,
  toProviders,
  toScheduled,
  toSync,
} from "./connection-views.ts";

const path = "/connections/:connectionId";
const seen = { "connection-not-found": 404, forbidden: 403 } as const;
const one = { access: "signed-in", success: 200, output: ConnectionView } as const;
const asked = { "keys-refused": 422, "provider-unavailable": 409 } as const;

const isAtAnEnd = ({ status }: Sync) => status !== "fetching" && status !== "matching";

const listing = (accounts: AccountsHandlers): readonly Route[] => [
  get("/providers", {
    access: "signed-in",
    id: "listProviders",
    summary: "List providers",
    description:
      "The banks and brokers that Basalt knows, and what each can tell: `files` are sent by the customer, and all else is fetched over a connection.",
    input: ListProviders,
    handle: accounts.listProviders,
    success: 200,
    output: ProviderListView,
    present: toProviders,
    refusals: { forbidden: 403 },
  }),
  get("/connections", {
    access: "signed-in",
    id: "listConnections",
    summary: "List connections",
    description: "The caller's connections, newest first.",
    input: ListConnections,
    handle: accounts.listConnections,
    success: 200,
    output: ConnectionListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toConnection) }),
    refusals: { forbidden: 403 },
  }),
];

const connecting = (accounts: AccountsHandlers): readonly Route[] => [
  post("/connections", {
    ...one,
    id: "connectProvider",
    summary: "Connect a provider",
    description:
      "With an API key of the provider, which is asked whether it accepts the key. The key is kept sealed and never shown. A sync begins at once, and again every few hours.",
    input: ConnectProvider,
    handle: accounts.connectProvider,
    success: 201,
    present: toConnection,
    location: ({ id }) => `/connections/${id}`,
    refusals: {
      ...asked,
      "provider-unknown": 422,
      "too-many-connections": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  get(path, {
    ...one,
    id: "getConnection",
    summary: "Get a connection",
    description:
      "`revoked`: the provider no longer accepts the key, and nothing is fetched before the connection gets another one.",
    input: GetConnection,
    handle: accounts.getConnection,
    present: toScheduled,
    refusals: seen,
  }),
  post(`${path}/reauthorization`, {
    ...one,
    id: "reconnect",
    summary: "Give a connection another key",
    description:
      "The key must open the accounts that the connection has. They stay, with all that is known of them. A sync begins at once.",
    input: Reconnect,
    handle: accounts.reconnect,
    present: toConnection,
    refusals: {
      ...seen,
      ...asked,
      "other-account": 422,
      "connection-not-ready": 409,
      conflict: 409,
    },
  }),
  del(path, {
    ...one,
    id: "disconnect",
    summary: "Disconnect a provider",
    description: "Forgets the key. What was fetched stays.",
    input: ConnectionStep,
    handle: accounts.disconnect,
    present: toConnection,
    refusals: { ...seen, conflict: 409 },
  }),
];

const syncing = (
  accounts: AccountsHandlers,
  { timers }: { readonly timers: Timers },
): readonly Route[] => [
  post(`${path}/syncs`, {
    access: "signed-in",
    id: "requestSync",
    summary: "Sync a connection",
    description:
      "Fetches what the provider has in the background. If a sync is already running, that one is returned; after a failure it tries again at once.",
    input: RequestSync,
    handle: accounts.requestSync,
    success: 202,
    output: SyncView,
    present: toSync,
    location: ({ id }) => `/syncs/${id}`,
    refusals: { ...seen, "connection-not-ready": 409, conflict: 409 },
  }),
  get(`${path}/syncs`, {
    access: "signed-in",
    id: "listSyncs",
    summary: "List the syncs of a connection",
    description: "Newest first.",
    input: ListSyncs,
    handle: accounts.listSyncs,
    success: 200,
    output: SyncListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toSync) }),
    refusals: seen,
  }),
  get("/syncs/:syncId", {
    access: "signed-in",
    id: "getSync",
    summary: "Get a sync",
    description:
      "How far it is. It ends as `succeeded`, as `partially-succeeded` where rows are quarantined or the provider failed after some pages, or as `failed`.",
    input: GetSync,
    handle: accounts.getSync,
    success: 200,
    output: SyncView,
    present: toSync,
    refusals: { "sync-not-found": 404, forbidden: 403 },
  }),
  get("/syncs/:syncId/progress", {
    access: "signed-in",
    id: "followSync",
    summary: "Follow a sync",
    description:
      "Server-sent events, each named after the status of the sync. The data is the body of `GET /syncs/{syncId}`.",
    input: GetSync,
    handle: following(accounts.getSync),
    success: 200,
    stream: {
      mediaTypes: ["text/event-stream"],
      textOf: progress({ present: toSync, isAtAnEnd, timers }),
    },
    refusals: { "sync-not-found": 404, forbidden: 403 },
  }),
];

export const connectionRoutes = (
  accounts: AccountsHandlers,
  serving: { readonly timers: Timers },
): readonly Route[] => [
  ...listing(accounts),
  ...connecting(accounts),
  ...syncing(accounts, serving),
];
