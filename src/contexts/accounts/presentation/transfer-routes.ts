import { get, post, type Route } from "#platform/http/route.ts";
import { ListTransfers } from "../application/transfers/list-transfers.ts";
import { MakeTransfer } from "../application/transfers/make-transfer.ts";
import {
  GetTransfer,
  PostTransfer,
  VoidTransfer,
} from "../application/transfers/resolve-transfer.ts";
import type { AccountsHandlers } from "../index.ts";
import { toMade, toTransfer, TransferListView, TransferView } from "./views.ts";

const one = {
  access: "signed-in",
  output: TransferView,
  present: toTransfer,
  success: 200,
} as const;
const moved = {
  "account-not-found": 422,
  "account-inactive": 409,
  "account-elsewhere": 409,
  "currency-mismatch": 422,
  "insufficient-funds": 409,
  "balance-too-large": 409,
  forbidden: 403,
  conflict: 409,
} as const;
const resolved = { "transfer-not-found": 404, "transfer-resolved": 409 } as const;

export const transferRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  post("/transfers", {
    ...one,
    id: "makeTransfer",
    summary: "Make a transfer",
    description:
      "Moves money from one account to another; several `legs` happen all or none, in their order. With " +
      "`holdS` the money is held for so many seconds, until the transfer is posted or voided. A transfer " +
      "with a client-made `id` can be repeated: the first result is returned with `isRepeated`. The caller " +
      "must own the accounts that the money comes from, or have `transfers:create`. Only callers with `entries:create` may set `date`.",
    input: MakeTransfer,
    handle: accounts.makeTransfer,
    success: 201,
    present: toMade,
    location: ({ transfer: { id } }) => `/transfers/${id}`,
    refusals: { ...moved, "date-invalid": 422, "transfer-invalid": 422, "transfer-exists": 409 },
  }),
  get("/accounts/:accountId/transfers", {
    access: "signed-in",
    id: "listTransfers",
    summary: "List the transfers of an account",
    description:
      "Transfers that take from the account or have given to it, by their last movement there, newest first; `status=pending` lists what it " +
      "holds. Only the legs that the account takes part in are shown. A hold for the account is not listed before it is posted.",
    input: ListTransfers,
    handle: accounts.listTransfers,
    success: 200,
    output: TransferListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toTransfer) }),
    refusals: { "account-not-found": 404, forbidden: 403 },
  }),
  get("/transfers/:transferId", {
    ...one,
    id: "getTransfer",
    summary: "Get a transfer",
    description:
      "Users can get the transfers that they made; callers with `transfers:read` can get all. The owners of its accounts see " +
      "only the legs that their accounts take part in.",
    input: GetTransfer,
    handle: accounts.getTransfer,
    refusals: { "transfer-not-found": 404, forbidden: 403 },
  }),
  post("/transfers/:transferId/posting", {
    ...one,
    id: "postTransfer",
    summary: "Post a pending transfer",
    description:
      "Moves the money that is held, or `amount` of it if the transfer has one leg; the rest is available again. " +
      "For the user who made the transfer, and for callers with `transfers:resolve`.",
    input: PostTransfer,
    handle: accounts.postTransfer,
    refusals: { ...moved, ...resolved, "part-invalid": 422 },
  }),
  post("/transfers/:transferId/voiding", {
    ...one,
    id: "voidTransfer",
    summary: "Void a pending transfer",
    description:
      "Makes the money that is held available again. For the user who made the transfer, and for callers " +
      "with `transfers:resolve`.",
    input: VoidTransfer,
    handle: accounts.voidTransfer,
    refusals: { ...resolved, forbidden: 403, conflict: 409 },
  }),
];
