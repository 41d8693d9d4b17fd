/*
 * What only Node has.
 */
export * from "./index.js";
export { FileStorage } from "./file.js";
