// What is made of measurements: rounds in turns, medians, ratios within a round, tables for people.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rounds in which each of the measurements, by name, is taken once: [{name: figures}]. */
export async function inTurns(count, measurements) {
  const rounds = [];
  for (let i = 0; i < count; i++) {
    const round = {};
    for (const [name, take] of Object.entries(measurements)) round[name] = await take();
    rounds.push(round);
  }
  return rounds;
}

/** The median over rounds of what `of` makes of each. */
export function medianOf(rounds, of) {
  return median(rounds.map(of));
}

/** "12,345", "12.3" or "1.23": no more digits than mean something. */
export function figure(value) {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  const form = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString('en-US', form);
}

export function ratio(value) {
  return value.toFixed(2);
}

/** A power of ten as it is spoken of: 10^6. */
export function power(count) {
  return `10^${Math.round(Math.log10(count))}`;
}

/** Markdown that is a table to the eye too. The first column is text, the others are numbers. */
export function table(columns, rows) {
  const widths = columns.map((_, i) => Math.max(...[columns, ...rows].map((row) => row[i].length)));
  const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
  const line = (cells) => `| ${cells.map(pad).join(' | ')} |`;
  const rule = widths.map((width, i) => '-'.repeat(width - 1) + (i === 0 ? '-' : ':'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
