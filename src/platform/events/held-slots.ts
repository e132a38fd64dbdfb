import type { Held, Move } from "./subscription-store.ts";

/** The slots that a process holds, with their positions here and their stored checkpoints. */
export class HeldSlots {
  readonly #kept = new Map<number, Held>();
  readonly #positions = new Map<number, number>();
  /** Counts how often slots were taken here. The stored state may differ each time. */
  readonly #tenures = new Map<number, number>();
  #takes = 0;
  /** Those that are to be given back take no new events. */
  readonly #leaving = new Set<number>();

  get size(): number {
    return this.#kept.size;
  }

  /** The token of a slot, if it is held. */
  tokenOf(slot: number): number | undefined {
    return this.#kept.get(slot)?.token;
  }

  /** The tenure of a held slot. It changes each time that the stored state is read again. */
  tenureOf(slot: number): number | undefined {
    return this.#tenures.get(slot);
  }

  /** All held slots, with their positions in this process. */
  all(): readonly Held[] {
    return [...this.#kept.values()].map((held) => ({
      ...held,
      position: this.#positions.get(held.slot) ?? held.position,
    }));
  }

  /** Which slots have gone, and which have come, where these are held now as they are kept. */
  compare(rows: readonly Held[]): {
    readonly came: readonly Held[];
    readonly gone: readonly number[];
  } {
    const now = new Map(rows.map((row) => [row.slot, row]));
    const isStill = (held: Held) => isSame(held, now.get(held.slot));
    const gone = [...this.#kept.values()].filter((held) => !isStill(held)).map(({ slot }) => slot);
    const came = rows.filter(({ slot }) => !this.#kept.has(slot) || gone.includes(slot));
    return { came, gone };
  }

  /** Those that go on taking events. */
  staying(): readonly Held[] {
    return this.all().filter(({ slot }) => !this.#leaving.has(slot));
  }

  take(rows: readonly Held[]): void {
    this.#takes += 1;
    for (const row of rows) {
      this.#tenures.set(row.slot, this.#takes);
      this.#kept.set(row.slot, row);
      this.#positions.set(row.slot, row.position);
    }
  }

  /**
   * The slots that stand furthest back, and where the next ones do: until there, events are read for
   * these alone. Undefined where no slot may take events.
   */
  front():
    | { readonly slots: readonly number[]; readonly after: number; readonly next: number }
    | undefined {
    let [after, next] = [Infinity, Infinity];
    let slots: number[] = [];
    for (const [slot, position] of this.#positions) {
      if (this.#leaving.has(slot)) continue;
      if (position < after) [after, next, slots] = [position, after, [slot]];
      else if (position === after) slots.push(slot);
      else next = Math.min(next, position);
    }
    return slots.length === 0 ? undefined : { slots, after, next };
  }

  /** These have nothing left to do up to a position. */
  advance(slots: readonly number[], position: number): void {
    for (const slot of slots) {
      const before = this.#positions.get(slot);
      if (before !== undefined && before < position) this.#positions.set(slot, position);
    }
  }

  /** How slots are to be moved on by a commit: to a position, or to where they stand here. */
  moves(slots: Iterable<number>, to?: number): readonly Move[] {
    return [...new Set(slots)].flatMap((slot) => {
      const held = this.#kept.get(slot);
      if (!held) return [];
      const here = this.#positions.get(slot) ?? held.position;
      return [{ held, to: Math.max(here, to ?? here) }];
    });
  }

  /** Those that stand further here than is kept. */
  unkept(): readonly Move[] {
    return this.moves(this.#kept.keys()).filter(({ held, to }) => to > held.position);
  }

  committed(moves: readonly Move[]): void {
    for (const { held, to } of moves) {
      if (!this.#kept.has(held.slot)) continue;
      this.#kept.set(held.slot, { ...held, commits: held.commits + 1, position: to });
      this.advance([held.slot], to);
    }
  }

  /** So many are to be given back, the last ones first; the others stay. */
  leave(count: number): void {
    this.#leaving.clear();
    const slots = [...this.#kept.keys()].toSorted((a, b) => b - a);
    for (const slot of slots.slice(0, Math.max(0, count))) this.#leaving.add(slot);
  }

  leaving(): readonly number[] {
    return [...this.#leaving];
  }

  drop(slots: readonly number[]): void {
    for (const slot of slots) this.#forget(slot);
  }

  #forget(slot: number): void {
    this.#kept.delete(slot);
    this.#positions.delete(slot);
    this.#tenures.delete(slot);
    this.#leaving.delete(slot);
  }
}

const isSame = (a: Held, b: Held | undefined): boolean =>
  a.token === b?.token && a.commits === b.commits && a.position === b.position;
