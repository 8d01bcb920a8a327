/** Why the service cannot start, in a sentence for whoever starts it. */
export class CannotStart extends Error {}
