import { identifier, type Id } from "#kernel/id.ts";

export type ProductId = Id<"product">;
export const ProductId = identifier<ProductId>("product");

export type CategoryId = Id<"category">;
export const CategoryId = identifier<CategoryId>("category");

export type PriceId = Id<"price">;
export const PriceId = identifier<PriceId>("price");

export type ReservationId = Id<"reservation">;
export const ReservationId = identifier<ReservationId>("reservation");

export type ImportId = Id<"import">;
export const ImportId = identifier<ImportId>("import");

/** The user who owns a product or holds a reservation. Identity knows them. */
export type OwnerId = Id<"user">;
export const OwnerId = identifier<OwnerId>("user");
