// Whom an approval may come from: names, compared whatever their case, and `*@example.com` for all names that end so.

/** Whether fewer people are named than have to approve. */
export function isUnattainable(approvers: readonly string[] | null, count: number): boolean {
  return approvers !== null && !approvers.some((name) => name.startsWith('*')) && new Set(approvers.map(folded)).size < count;
}

/** Whoever both lists name; null is everyone. Of two endings one is the other's ending, or they have no name in common. */
export function commonApprovers(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other;
  const common = one.flatMap((mine) =>
    other.flatMap((theirs) => (includes(mine, theirs) ? [theirs] : includes(theirs, mine) ? [mine] : [])),
  );
  return [...new Set(common)];
}

function includes(wide: string, narrow: string): boolean {
  const [ending, name] = [folded(wide), folded(narrow)];
  return ending.startsWith('*') ? name.replace(/^\*/, '').endsWith(ending.slice(1)) : ending === name;
}

function folded(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}
