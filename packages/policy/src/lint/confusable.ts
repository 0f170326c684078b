// Names that people take for one another. A small table of the letters that occur in tool names, after what Unicode calls a
// skeleton (UTS 39): enough for a warning, and no part of any decision.

/** Letters of other scripts, and digits, that look like the Latin letter at the same place. */
const LOOK_ALIKE = new Map(
  Object.entries({
    a: 'аαɑ',
    b: 'ьв',
    c: 'сϲ',
    d: 'ԁ',
    e: 'еєε',
    g: 'ɡ',
    h: 'һн',
    j: 'јϳ',
    k: 'кκ',
    l: 'iіι1|ӏاﺍ',
    m: 'м',
    n: 'ոп',
    o: 'оοօ0',
    p: 'рρ',
    q: 'ԛ',
    r: 'гᴦ',
    s: 'ѕ',
    t: 'тτ',
    u: 'υս',
    v: 'ѵν',
    w: 'ԝω',
    x: 'хχ',
    y: 'уγ',
    _: '‿⁀',
    '-': '‐‑‒–—−',
    '.': '․',
  }).flatMap(([latin, others]) => [...others].map((other) => [other, latin] as const)),
);

const UNSEEN = /[\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}]/gu;

/** What a name looks like: equal for names that are easily taken for one another. */
export function skeletonOf(name: string): string {
  const plain = name.normalize('NFKD').replace(UNSEEN, '').toLowerCase();
  return [...plain].map((letter) => LOOK_ALIKE.get(letter) ?? letter).join('');
}

/** What about a name by itself cannot be seen by reading it. */
export function oddityOf(name: string): string | undefined {
  if (/[\p{Default_Ignorable_Code_Point}\p{Cc}]/u.test(name)) return 'holds characters that cannot be seen';
  if (name.normalize('NFC') !== name) return 'is not in Unicode form NFC, so the same name typed elsewhere may differ';
  return undefined;
}
