/** As much of JSON Schema as Basalt's documents use. */
export type Schema = {
  readonly title?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
};

type Contents = Readonly<Record<string, { readonly schema: Schema }>>;

export type Parameter = {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
};

type Declared = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Contents };
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, { readonly content?: Contents }>>;
};

export type OpenApi = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Declared>>>>;
};

/** One thing that can be asked, as in `POST /api/v1/products/{productId}/prices`. */
export type Operation = {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly mediaType: string; readonly schema: Schema } | undefined;
  readonly isOpen: boolean;
  readonly responses: Declared["responses"];
};

/** Whether a request without a credential is heard: no scheme is asked for, or none may be chosen. */
export const isOpen = (security: readonly object[]): boolean =>
  security.length === 0 || security.some((scheme) => Object.keys(scheme).length === 0);

export const operationsOf = ({ paths }: OpenApi): readonly Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, declared]) => {
      const method = verb.toUpperCase();
      const [content] = Object.entries(declared.requestBody?.content ?? {});
      return {
        name: `${method} ${path}`,
        method,
        path,
        responses: declared.responses,
        parameters: declared.parameters ?? [],
        body: content && { mediaType: content[0], schema: content[1].schema },
        isOpen: isOpen(declared.security ?? []),
      };
    }),
  );
