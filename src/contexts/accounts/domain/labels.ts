import { line } from "#kernel/line.ts";
import { branded, list, type Brand } from "#kernel/shape.ts";

/** The name of an account, as its owner says it: 1 to 100 characters. */
export type AccountName = Brand<string, "AccountName">;
export const AccountName = line<AccountName>("account name", { min: 1, max: 100 });

/** The last characters of the number that an account has elsewhere, as in `4711`. */
export type Mask = Brand<string, "Mask">;
export const Mask = branded<Mask>("mask", {
  schema: { type: "string", pattern: "^[0-9A-Za-z]{2,8}$", maxLength: 8 },
  says: "the last 2 to 8 letters or digits of an account number",
});

/** A remark on a journal entry. */
export type Memo = Brand<string, "Memo">;
export const Memo = line<Memo>("memo", { min: 1, max: 200 });

/** Where a rate of exchange comes from, as in `ECB reference rate`. */
export type QuoteSource = Brand<string, "QuoteSource">;
export const QuoteSource = line<QuoteSource>("source of a rate", { min: 1, max: 100 });

/** The values that replace names, masks and memos when their owner is erased. */
export const erased = {
  name: "Erased" as AccountName,
  mask: "Erased" as Mask,
  memo: "Erased" as Memo,
};

export type Tag = Brand<string, "Tag">;
export const Tag = branded<Tag>("tag", {
  schema: { type: "string", pattern: "^[a-z0-9][a-z0-9:_-]{0,39}$", maxLength: 40 },
  says: "small letters, digits, `:`, `_` and `-`, as in invoice:4711",
});

export const maxTags = 20;
export const Tags = list(Tag, maxTags);
