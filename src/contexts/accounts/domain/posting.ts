import { SpelledMoney, Money } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, shape, type Brand, type Infer } from "#kernel/shape.ts";
import { AccountId } from "./ids.ts";
import type { Movement } from "./ledger.ts";

/** Postings of one entry, at most. */
export const maxPostings = 1_000;
/** The largest amount of one posting, in minor units. */
export const maxMinor = 10n ** 17n;

/** Money into an account, or out of it where it is negative. */
export type Posting = { readonly accountId: AccountId; readonly amount: Money };

/** Postings whose sum is zero in each currency. `Postings.balanced` is the only way to them. */
export type Balanced = Brand<readonly Posting[], "Balanced">;

/** `reason` names the fault of the postings; `sums` are the sums that are not zero. */
export type PostingsInvalid = {
  readonly type: "postings-invalid";
  readonly reason: "too-few" | "too-many" | "zero-amount" | "too-large" | "unbalanced";
  readonly sums?: readonly SpelledMoney[];
};

/** As events spell them. */
export const SpelledPostings = list(
  shape({ accountId: AccountId, amount: SpelledMoney }),
  maxPostings,
);
export type SpelledPostings = Infer<typeof SpelledPostings>;

const invalid = (reason: PostingsInvalid["reason"], sums?: readonly SpelledMoney[]) =>
  err<PostingsInvalid>({ type: "postings-invalid", reason, ...(sums ? { sums } : {}) });

/** The sums by currency that are not zero. */
function imbalance(postings: readonly Posting[]): readonly SpelledMoney[] {
  const sums = new Map<Money["currency"], bigint>();
  for (const { amount } of postings)
    sums.set(amount.currency, (sums.get(amount.currency) ?? 0n) + amount.minor);
  return [...sums].flatMap(([currency, minor]) =>
    minor === 0n ? [] : [Money.spell(Money.of(minor, currency))],
  );
}

const isTooLarge = ({ amount }: Posting) => amount.minor > maxMinor || amount.minor < -maxMinor;

export const Postings = {
  balanced(postings: readonly Posting[]): Result<Balanced, PostingsInvalid> {
    if (postings.length < 2) return invalid("too-few");
    if (postings.length > maxPostings) return invalid("too-many");
    if (postings.some(({ amount }) => amount.minor === 0n)) return invalid("zero-amount");
    if (postings.some(isTooLarge)) return invalid("too-large");
    const sums = imbalance(postings);
    return sums.length > 0 ? invalid("unbalanced", sums) : ok(postings as Balanced);
  },

  /** The postings that undo these, the last one first: each finds the money that the next one gave. */
  reversed: (postings: readonly Posting[]): readonly Posting[] =>
    postings
      .toReversed()
      .map(({ accountId, amount }) => ({ accountId, amount: Money.negated(amount) })),

  /** The ids of the accounts, each once. */
  accounts: (postings: readonly Posting[]): readonly AccountId[] => [
    ...new Set(postings.map(({ accountId }) => accountId)),
  ],

  /** The movements of the accounts that the postings cause. */
  movements: (postings: readonly Posting[]): readonly Movement[] =>
    postings.map((posting) => ({ ...posting, held: 0n })),

  spell: (postings: readonly Posting[]): SpelledPostings =>
    postings.map(({ accountId, amount }) => ({ accountId, amount: Money.spell(amount) })),
};
