/**
 * The stream of the live picture: join, then snapshot, then frames by number.
 *
 * Frame = last + 1 → apply. Anything else (a gap, another epoch, a snapshot without a number) or
 * five seconds of silence → a snapshot again. Delivery may lose what it likes; repair is one
 * request.
 */

import { unpack } from "./frames.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./picture.js").Snapshot} Snapshot */

/**
 * @typedef {object} Handlers
 * @property {() => Promise<Snapshot>} fetchSnapshot rejects with an Error; `status` 401 or 403 ends
 *   the stream
 * @property {(snapshot: Snapshot) => void} onSnapshot
 * @property {(frame: Frame) => void} onFrame
 * @property {(flowing: boolean, since: number) => void} onFlow told when frames stop or flow
 *   again; `since` is the server's time of the last one, ms, or 0 before the first
 * @property {(error: Error & {status?: number}) => void} onEnd signed out, or the right is gone
 */

const SILENCE_MS = 5000;
// A socket without a frame for so long may be dead at the other end.
const DUMB_MS = 20_000;
const SHORTEST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const RIGHTS_CHANGED = 4403;
// Frames that wait while a snapshot is on its way; more than a minute of them is a lost cause.
const MOST_WAITING = 300;

export class Stream {
  /** @param {string} address @param {Handlers} handlers */
  constructor(address, handlers) {
    this.address = address;
    this.handlers = handlers;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {{epoch: number | null, number: number | null} | null} null: no snapshot yet */
    this.last = null;
    /** @type {Frame[]} frames that came while the snapshot was under way */
    this.waiting = [];
    this.fetching = false;
    this.flowing = true;
    this.ended = false;
    this.heard = Date.now();
    this.asked = 0;
    this.joined = 0;
    this.heardServer = 0;
    /** server's clock − ours, ms */
    this.offset = 0;
    this.wait = SHORTEST_WAIT_MS;
    this.timer = window.setInterval(() => this.watch(), 500);
    // A tab that slept, a laptop lid, a lost network: ask at once rather than at the next timer.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.watch();
    });
    window.addEventListener("online", () => this.connect());
    this.connect();
  }

  /** The server's time now, ms. */
  now() {
    return Date.now() + this.offset;
  }

  connect() {
    if (this.ended || this.socket) return;
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.wait = SHORTEST_WAIT_MS;
      this.joined = Date.now();
      void this.refresh();
    });
    socket.addEventListener("message", (event) => {
      if (this.socket === socket && event.data instanceof ArrayBuffer) this.take(event.data);
    });
    socket.addEventListener("close", (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (event.code === RIGHTS_CHANGED) void this.ask();
      const wait = this.wait * (0.75 + Math.random() / 2);
      this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 2);
      window.setTimeout(() => this.connect(), wait);
      // A refused handshake says no more than "closed"; the API says why.
      if (this.last === null) void this.ask();
    });
  }

  /** @param {ArrayBuffer} body */
  take(body) {
    const frame = unpack(body);
    this.heard = Date.now();
    this.heardServer = frame.at;
    this.offset = frame.at - Date.now();
    if (this.fetching) {
      this.waiting.push(frame);
      if (this.waiting.length > MOST_WAITING) this.waiting.shift();
      return;
    }
    this.follow(frame);
  }

  /** @param {Frame} frame */
  follow(frame) {
    const { last } = this;
    if (last === null) return;
    if (last.epoch === frame.epoch && last.number !== null) {
      if (frame.number <= last.number) return;
      if (frame.number === last.number + 1) {
        last.number = frame.number;
        this.handlers.onFrame(frame);
        this.tell(true);
        return;
      }
    }
    void this.refresh();
  }

  /** Fetch the snapshot and go on from there. */
  async refresh() {
    if (this.fetching || this.ended) return;
    this.fetching = true;
    this.waiting = [];
    try {
      const snapshot = await this.handlers.fetchSnapshot();
      this.last = { epoch: snapshot.epoch, number: snapshot.number };
      if (!this.heardServer) this.offset = snapshot.at - Date.now();
      this.handlers.onSnapshot(snapshot);
    } catch (error) {
      this.fail(/** @type {Error & {status?: number}} */ (error));
      return;
    } finally {
      this.fetching = false;
    }
    const frames = this.waiting;
    this.waiting = [];
    for (const frame of frames) {
      if (this.fetching) this.waiting.push(frame);
      else this.follow(frame);
    }
  }

  /** Ask the API whether we may still watch; it knows better than a closed socket. */
  async ask() {
    try {
      await this.handlers.fetchSnapshot();
    } catch (error) {
      this.fail(/** @type {Error & {status?: number}} */ (error));
    }
  }

  /** @param {Error & {status?: number}} error */
  fail(error) {
    if (error.status === 401 || error.status === 403) {
      this.ended = true;
      window.clearInterval(this.timer);
      this.socket?.close();
      this.handlers.onEnd(error);
    } else {
      this.last = null; // the next frame or socket asks again
      window.setTimeout(() => void (this.socket && this.refresh()), 2000);
    }
  }

  /** Silence: say so, and keep asking for snapshots; a socket that stays dumb is replaced. */
  watch() {
    const now = Date.now();
    if (this.ended || now - this.heard <= SILENCE_MS || now - this.asked <= SILENCE_MS) return;
    this.asked = now;
    this.tell(false);
    if (this.socket && now - Math.max(this.heard, this.joined) > DUMB_MS) {
      const stuck = this.socket;
      this.socket = null;
      stuck.close();
    }
    if (this.socket) void this.refresh();
    else this.connect();
  }

  /** @param {boolean} flowing */
  tell(flowing) {
    if (flowing === this.flowing) return;
    this.flowing = flowing;
    this.handlers.onFlow(flowing, this.heardServer);
  }
}
