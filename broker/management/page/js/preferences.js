// What a person prefers on this device: columns, ranges, what is open. Never credentials.

const PREFIX = "leveret.";

/** The stored value, or `fallback` if there is none or storage is off. */
export function preference(name, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

export function setPreference(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full or switched off: the choice lasts as long as the page.
  }
}
