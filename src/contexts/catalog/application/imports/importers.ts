import type { ImportKind } from "../../domain/import-kind.ts";
import { priceImporter } from "./import-prices.ts";
import { productImporter } from "./import-products.ts";
import { stockImporter } from "./import-stock.ts";
import type { Importer } from "./importer.ts";

export const importers: { readonly [Kind in ImportKind]: Importer } = {
  products: productImporter,
  prices: priceImporter,
  stock: stockImporter,
};
