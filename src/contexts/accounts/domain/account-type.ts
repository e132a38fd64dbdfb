import { oneOf, type Infer } from "#kernel/shape.ts";

/** Accounts of people and firms, which hold their money or their debts. */
const owned = [
  "checking",
  "savings",
  "card",
  "loan",
  "cash",
  "brokerage",
  "retirement",
  "other",
] as const;
/** Accounts of the book are the other side: where money comes from, and where it goes. */
const ofTheBook = ["income", "expense", "equity", "trading"] as const;

export const AccountType = oneOf(...owned, ...ofTheBook);
export type AccountType = Infer<typeof AccountType>;

export const isOfTheBook = (type: AccountType): boolean =>
  (ofTheBook as readonly string[]).includes(type);
