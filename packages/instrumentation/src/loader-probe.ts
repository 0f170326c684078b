/** Imported once after the loader hooks are registered: whether they hear of it says whether they hear of anything. */
export const probe = true;
