/** Largest growth of a single source: beyond it a width is more likely a slip than a wish. */
export const MAX_GROWTH = 64;
