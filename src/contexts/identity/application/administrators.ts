/** The lock of all commands that could remove the last administrator. */
export const administratorsLock = "identity.administrators";
