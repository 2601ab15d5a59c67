// Enumerations of cblas.h.
export const ROW_MAJOR = 101;
export const NO_TRANS = 111;
export const TRANS = 112;
export const UPPER = 121;
export const LOWER = 122;
export const NON_UNIT = 131;
export const LEFT = 141;
