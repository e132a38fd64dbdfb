const typescript =
  "any as async await bigint boolean break case catch class const constructor continue debugger default delete do else " +
  "enum export extends false finally for from function get if implements import in infer instanceof interface is keyof " +
  "let never new null number object of package private protected public readonly return set static string super switch " +
  "symbol this throw true try type typeof undefined unique unknown using var void while with yield";

/** Utility types: a type of this name in the example's place would hide them. */
const types =
  "awaited capitalize exclude extract lowercase omit parameters partial pick readonly record required uncapitalize uppercase";

/** Reserved where a schema or a table is named. Source: Postgres 18, appendix C. */
const sql =
  "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column " +
  "concurrently constraint create cross current default deferrable desc distinct do else end except false fetch for " +
  "foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading " +
  "left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing " +
  "primary references returning right select similar some symmetric table tablesample then to trailing true union " +
  "unique user using variadic verbose when where window with";

/** Words that cannot name anything in TypeScript. */
export const reservedInCode: ReadonlySet<string> = new Set(`${typescript} ${types}`.split(" "));
/** Words that cannot name a schema or a table. */
export const reservedInSql: ReadonlySet<string> = new Set(sql.split(" "));
