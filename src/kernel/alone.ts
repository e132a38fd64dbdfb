/** Port: does work that no other process, and no other call, does at the same time; undefined where another one does it. `ms`: how long the work may take. */
export type Alone = <T>(name: string, ms: number, work: () => Promise<T>) => Promise<T | undefined>;
