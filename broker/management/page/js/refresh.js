// Asking again every few seconds: not while the last answer is outstanding, not in a hidden tab.

import { preference, setPreference } from "./preferences.js";

/** Seconds between refreshes, 0: only when asked. */
export const INTERVALS = [[5, "every 5 seconds"], [30, "every 30 seconds"], [0, "off"]];

let interval = preference("refresh", 5);
const running = new Set();

export const currentInterval = () => interval;

export function setRefreshInterval(seconds) {
  interval = seconds;
  setPreference("refresh", seconds);
  for (const poller of running) poller.schedule();
}

document.addEventListener("visibilitychange", () => {
  for (const poller of running) poller.onVisibility();
});

/**
 * What changes seldom. read: async. Returns: async (isByTime) → what was read; when it is only time
 * for it, not more often than every `seconds`.
 */
export function seldom(read, seconds = 30) {
  let at = 0;
  let found;
  return async (isByTime) => {
    if (!isByTime || Date.now() - at >= seconds * 1000) {
      found = await read();
      at = Date.now();
    }
    return found;
  };
}

/**
 * Runs `task` now and then again and again until stopped. It is told whether it was only time for
 * it (true) or somebody asks (false), and deals with its own errors.
 */
export class Poller {
  constructor(task, { seconds = null } = {}) {
    this.task = task;
    this.fixed = seconds;
    this.busy = false;
    this.again = false;
    this.last = 0;
    running.add(this);
  }

  /** Run the task now; if it is running already, once more when it is done. */
  async now(isByTime = false) {
    if (!running.has(this)) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    clearTimeout(this.timer);
    let byTime = isByTime;
    try {
      do {
        this.again = false;
        await this.task(byTime);
        byTime = false;
      } while (this.again && running.has(this));
    } finally {
      this.busy = false;
      this.last = Date.now();
      this.schedule();
    }
  }

  schedule() {
    clearTimeout(this.timer);
    const seconds = this.fixed ?? interval;
    if (!seconds || document.hidden || this.busy || !running.has(this)) return;
    this.timer = setTimeout(() => this.now(true), seconds * 1000);
  }

  onVisibility() {
    const seconds = this.fixed ?? interval;
    if (!document.hidden && seconds && Date.now() - this.last > seconds * 1000) this.now(true);
    else this.schedule();
  }

  stop() {
    running.delete(this);
    clearTimeout(this.timer);
  }
}
