// Totals that count since a start, as rates. A total that falls began anew: that minute has no rate.

/** Share of successes per step, null where nothing was tried. */
export function ratio(rows, total, failures) {
  return rows.map((row, place) => {
    const before = rows[place - 1];
    if (!before) return null;
    const tried = row[total] - before[total];
    const wrong = row[failures] - before[failures];
    return tried > 0 && wrong >= 0 ? Math.max(0, Math.min(1, (tried - wrong) / tried)) : null;
  });
}

/** A total's growth a second per step. */
export function perSecond(rows, total) {
  return rows.map((row, place) => {
    const before = rows[place - 1];
    if (!before || row[total] == null || before[total] == null) return null;
    const grown = row[total] - before[total];
    return grown >= 0 && row.at > before.at ? grown / (row.at - before.at) : null;
  });
}
