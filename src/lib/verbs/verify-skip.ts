/** Thrown by a check that cannot be made; its message says why. */
export class Skip extends Error {}
