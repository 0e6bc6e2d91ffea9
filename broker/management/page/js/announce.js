// What sighted people see happen, said to screen readers.

/** Say a sentence, after whatever is being read now. */
export function announce(text) {
  const place = document.getElementById("announcer");
  place.textContent = "";
  // A change in the same task as the clearing would not be noticed as one.
  setTimeout(() => {
    place.textContent = text;
  }, 60);
}

let waiting = null;

/** Keep a sentence for the next page, for when an action leads away from where it was started. */
export function tellNextPage(text) {
  waiting = text;
}

export function takeTold() {
  const text = waiting;
  waiting = null;
  return text;
}
