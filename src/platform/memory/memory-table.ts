/** The effect of one change of a row. */
export type Changed = {
  /** The row and its unique values, which the change locks. */
  readonly touched: readonly string[];
  /** Another row has the unique value, or the row breaks a guard. */
  readonly clashes: boolean;
  readonly undo: () => void;
  /** Tells the followers of the table. */
  readonly tell: () => void;
};

let tables = 0;

/**
 * Rows by key. `unique` names what no two rows may share; undefined shares nothing. `onChange`: what
 * a trigger is in Postgres; `guard`: what a check constraint `…_guard` is there.
 */
export class MemoryTable<Row> {
  readonly rows = new Map<string, Row>();
  readonly unique: (row: Row) => string | undefined;
  readonly #name = `table ${(tables += 1)}`;
  readonly #keys = new Map<string, string>();
  readonly #onChange: (after: Row | undefined, before: Row | undefined) => void;
  readonly #guard: (row: Row) => boolean;

  constructor(
    unique: (row: Row) => string | undefined = () => undefined,
    onChange: (after: Row | undefined, before: Row | undefined) => void = () => {},
    guard: (row: Row) => boolean = () => true,
  ) {
    this.unique = unique;
    this.#onChange = onChange;
    this.#guard = guard;
  }

  /** The row with this unique value. */
  find(value: string): Row | undefined {
    const key = this.#keys.get(value);
    return key === undefined ? undefined : this.rows.get(key);
  }

  change(key: string, to: (before: Row | undefined) => Row | undefined): Changed {
    const before = this.rows.get(key);
    const after = to(before);
    const values = [before, after].flatMap((row) => (row && this.unique(row)) ?? []);
    const value = after && this.unique(after);
    const holder = value === undefined ? undefined : this.#keys.get(value);
    const isTaken = holder !== undefined && holder !== key;
    const clashes = isTaken || (after !== undefined && !this.#guard(after));
    if (!clashes) this.#set(key, after);
    return {
      touched: [`${this.#name}: ${key}`, ...values.map((one) => `${this.#name} = ${one}`)],
      clashes,
      undo: () => clashes || this.#set(key, before),
      tell: () => this.#onChange(after, before),
    };
  }

  #set(key: string, row: Row | undefined): void {
    const before = this.rows.get(key);
    const old = before && this.unique(before);
    if (old !== undefined) this.#keys.delete(old);
    const value = row && this.unique(row);
    if (value !== undefined) this.#keys.set(value, key);
    if (row === undefined) this.rows.delete(key);
    else this.rows.set(key, row);
  }
}
