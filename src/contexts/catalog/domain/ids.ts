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

/** Whoever a product belongs to, or a reservation: somebody whom another context knows. */
export type OwnerId = Id<"user">;
export const OwnerId = identifier<OwnerId>("user");
