// Numbers, sizes, times and tables of arguments, as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** 12345 → "12,345"; what is no number → "". */
export const count = (value) => (isNumber(value) ? whole.format(value) : "");

/** "1 queue", "2 queues". */
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : noun.endsWith("s") || noun.endsWith("ch") ? "es" : "s"}`;

/** Per second: 0.25 → "0.25/s", 1234.5 → "1,235/s". */
export function rate(value) {
  if (!isNumber(value)) return "";
  return `${value !== 0 && Math.abs(value) < 10 ? String(Number(value.toFixed(2))) : whole.format(value)}/s`;
}

/** Octets with a binary unit: "12.3 MiB". */
export function bytes(value) {
  if (!isNumber(value)) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? whole.format(size) : size.toFixed(1)} ${units[unit]}`;
}

export const bytesRate = (value) => (isNumber(value) ? `${bytes(value)}/s` : "");

/** Seconds as the two largest units: "3 d 4 h", "12 s". */
export function duration(seconds) {
  if (!isNumber(seconds)) return "";
  if (seconds < 1) return "< 1 s";
  let left = Math.floor(seconds);
  const shown = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (left >= size || shown.length) shown.push([Math.floor(left / size), unit]);
    left %= size;
  }
  return shown.slice(0, 2).filter(([n], i) => i === 0 || n).map(([n, unit]) => `${n} ${unit}`).join(" ");
}

/** Milliseconds since 1970 as local date and time. */
export function moment(ms) {
  if (!isNumber(ms)) return "";
  const at = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  return (
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  );
}

export const clock = (date) => moment(date.getTime()).slice(11);

export const yesNo = (value) => (value === undefined || value === null ? "" : value ? "yes" : "no");

/** A value of an arguments table as text; what would not be seen is quoted. */
export function value(given) {
  if (typeof given === "string") return given.trim() ? given : `"${given}"`;
  return JSON.stringify(given);
}

/** Follow "message_stats.publish_details.rate" into an object; undefined where it ends early. */
export function dig(object, dotted) {
  return dotted.split(".").reduce((found, key) => (found === null || found === undefined ? undefined : found[key]), object);
}
