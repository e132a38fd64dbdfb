/** How a file is written, as it was recognised. */
export type Dialect = { readonly encoding: Encoding; readonly separator: Separator };

export const encodings = ["utf-8", "windows-1252", "utf-16le", "utf-16be"] as const;
export type Encoding = (typeof encodings)[number];

export const separators = [",", ";", "\t"] as const;
export type Separator = (typeof separators)[number];
