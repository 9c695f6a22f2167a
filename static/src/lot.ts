/** The live lot page. */
export {};
