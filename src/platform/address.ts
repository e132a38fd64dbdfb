/** The address of a path below another address, which may end with a slash or not. The path begins with one. */
export const below = (address: string, path: string): string =>
  `${address.replace(/\/$/, "")}${path}`;
