/** The door to what tests of other contexts need of identity. */
export { granting, identityOn } from "./fixtures.ts";
