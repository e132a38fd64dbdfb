import { following, progress } from "#platform/http/progress.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import type { Timers } from "#platform/runtime.ts";
import { ConnectProvider, Reconnect } from "../application/connections/connect-provider.ts";
import { FinishLogin } from "../application/connections/finish-login.ts";
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
  ConnectingView,
  ConnectionListView,
  ConnectionView,
  ProviderListView,
  SyncListView,
  SyncView,
  toConnecting,
  toConnection,
  toProviders,
  toScheduled,
  toSync,
} from "./connection-views.ts";

const path = "/connections/:connectionId";
const seen = { "connection-not-found": 404, forbidden: 403 } as const;
const one = { access: "signed-in", success: 200, output: ConnectionView } as const;
const asked = {
  "other-credentials": 422,
  "keys-refused": 422,
  "provider-unavailable": 409,
} as const;

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
    output: ConnectingView,
    id: "connectProvider",
    summary: "Connect a provider",
    description:
      "A provider that connects with `keys` is asked whether it accepts the API key, which is kept sealed and never shown. One that connects with a `login` answers `signInAt`: send the " +
      "user's browser there within ten minutes, and what comes back to `POST /connections/callback`. A sync begins at once, and again every few hours.",
    input: ConnectProvider,
    handle: accounts.connectProvider,
    success: 201,
    present: toConnecting,
    location: ({ connection: { id } }) => `/connections/${id}`,
    refusals: {
      ...asked,
      "provider-unknown": 422,
      "too-many-connections": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  post(`${path}/reauthorization`, {
    ...one,
    output: ConnectingView,
    id: "reconnect",
    summary: "Give a connection another key, or another login",
    description:
      "The new key or login must open at least one account that the connection already has. Accounts and their history are kept. A sync begins at once.",
    input: Reconnect,
    handle: accounts.reconnect,
    present: toConnecting,
    refusals: {
      ...seen,
      ...asked,
      "provider-unknown": 422,
      "other-account": 422,
      "connection-not-ready": 409,
      conflict: 409,
    },
  }),
  post("/connections/callback", {
    ...one,
    id: "finishLogin",
    summary: "Complete a login at a provider",
    description:
      "Takes what the provider has added to the address of your page: `state` and `code`, each decoded once, or `state` and `error`. A state can be used once, within ten minutes, " +
      "and in the session that has begun the login.",
    input: FinishLogin,
    handle: accounts.finishLogin,
    present: toConnection,
    refusals: {
      "provider-unknown": 422,
      "login-unknown": 409,
      "login-failed": 422,
      "keys-refused": 422,
      "provider-unavailable": 409,
      "other-account": 422,
      "connection-not-ready": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
];

const keeping = (accounts: AccountsHandlers): readonly Route[] => [
  get(path, {
    ...one,
    id: "getConnection",
    summary: "Get a connection",
    description:
      "`revoked`: the provider no longer accepts the key; `expired`: the login has ended; `failed`: nobody has signed in. Nothing is fetched before a `reauthorization`. " +
      "`loginUntil`: the user has to sign in again by then.",
    input: GetConnection,
    handle: accounts.getConnection,
    present: toScheduled,
    refusals: seen,
  }),
  del(path, {
    ...one,
    id: "disconnect",
    summary: "Disconnect a provider",
    description: "Deletes the key of the provider, and keeps the data that was fetched.",
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
      "Returns the progress of a sync. It ends as `succeeded`, as `partially-succeeded` where rows are quarantined or the provider failed after some pages, or as `failed`.",
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
  ...keeping(accounts),
  ...syncing(accounts, serving),
];
