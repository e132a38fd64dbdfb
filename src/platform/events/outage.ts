/** After so many failures in a row for something that all events need, new events wait. */
const failuresInRow = 5;

/** Whether something seems to be away that all events need; one attempt after the other tells. */
export class Outage {
  #failures = 0;

  get isOn(): boolean {
    return this.#failures >= failuresInRow;
  }

  failed(): void {
    this.#failures += 1;
  }

  over(): void {
    this.#failures = 0;
  }
}
