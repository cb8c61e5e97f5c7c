/** Whether somebody is named by what was typed: as written, by badge, by pinyin. No state.
 *
 * The server spells the names (bureau/pinyin.py, the same rule): syllables with spaces, several
 * readings of one with slashes.
 */

/** @param {string} text small letters and digits only, ü as v */
export function plainQuery(text) {
  return text
    .toLowerCase()
    .replaceAll("ü", "v")
    .replaceAll("lyu", "lv")
    .replaceAll("nyu", "nv")
    .replace(/[^0-9a-z]+/g, "");
}

/**
 * Whether the query is the beginning of each of some syllables in a row: "wangwei", "wangw", "ww"
 * and "wei" all find "wang wei".
 * @param {string} query of `plainQuery`
 * @param {string} spelling
 */
export function isSpelled(query, spelling) {
  if (!query || !spelling) return false;
  /** @type {Set<number>} how much of the query the syllables so far can have spelled */
  let reached = new Set();
  for (const syllable of spelling.split(" ")) {
    /** @type {Set<number>} */
    const next = new Set();
    for (const at of [0, ...reached]) {
      for (const reading of syllable.split("/")) {
        for (let i = 0; i < reading.length && query[at + i] === reading[i]; i++) next.add(at + i + 1);
      }
    }
    if (next.has(query.length)) return true;
    reached = next;
  }
  return false;
}

/**
 * Whether a text names what is called so.
 * @param {string} text as typed, small letters
 * @param {string[]} names as written, badge numbers, codes
 * @param {(string | undefined)[]} spellings
 */
export function isNamed(text, names, spellings) {
  if (names.some((name) => name.toLocaleLowerCase().includes(text))) return true;
  // Chinese characters are compared as they are written.
  if (/[^\x00-\x7fü]/.test(text)) return false;
  const query = plainQuery(text);
  return spellings.some((spelling) => isSpelled(query, spelling ?? ""));
}
