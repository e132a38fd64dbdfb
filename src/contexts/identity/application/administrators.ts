/** Taken by whatever might leave nobody to administer: two administrators may remove each other. */
export const administratorsLock = "identity.administrators";
