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

/** Runs `task` now and then again and again until stopped. The task deals with its own errors. */
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
  async now() {
    if (!running.has(this)) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    clearTimeout(this.timer);
    try {
      do {
        this.again = false;
        await this.task();
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
    this.timer = setTimeout(() => this.now(), seconds * 1000);
  }

  onVisibility() {
    const seconds = this.fixed ?? interval;
    if (!document.hidden && seconds && Date.now() - this.last > seconds * 1000) this.now();
    else this.schedule();
  }

  stop() {
    running.delete(this);
    clearTimeout(this.timer);
  }
}
