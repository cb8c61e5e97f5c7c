/**
 * The bytes of a frame → what they say. docs/live.md has the format; `realtime/frames.py` packs it.
 */

/**
 * @typedef {object} Fix
 * @property {number} person
 * @property {number} lon degrees
 * @property {number} lat degrees
 * @property {number} at recorded, ms since 1970 UTC
 * @property {number} got received, ms
 * @property {number | null} course degrees clockwise from north
 * @property {number | null} speed m/s
 * @property {number | null} accuracy m
 * @property {number | null} battery 0–1
 */

/**
 * @typedef {object} Frame
 * @property {number} epoch
 * @property {number} number
 * @property {number} unit
 * @property {number} at server's time, ms since 1970 UTC
 * @property {Moves} moves
 * @property {import("./picture.js").Rest} rest
 */

const HEAD = 32;
const MOVE = 28;
const MAGIC = 0x4654; // "TF"
const text = new TextDecoder();

/** New places, read from the bytes one by one: an object for each would be garbage at once. */
export class Moves {
  /** @param {DataView} view a frame @param {number} at its server's time, ms @param {number} count */
  constructor(view, at, count) {
    this.view = view;
    this.at = at;
    this.count = count;
  }

  /** Whose the place is. @param {number} i */
  person(i) {
    return this.view.getUint32(HEAD + i * MOVE, true);
  }

  /** When it was recorded, ms. @param {number} i */
  recorded(i) {
    return this.at - this.view.getInt32(HEAD + i * MOVE + 12, true);
  }

  /** Write a place over an older one. @param {number} i @param {Fix} fix */
  write(i, fix) {
    const { view } = this;
    const o = HEAD + i * MOVE;
    const course = view.getUint16(o + 18, true);
    const speed = view.getUint16(o + 20, true);
    const accuracy = view.getUint16(o + 22, true);
    const battery = view.getUint8(o + 24);
    fix.lon = view.getInt32(o + 4, true) / 1e7;
    fix.lat = view.getInt32(o + 8, true) / 1e7;
    fix.at = this.recorded(i);
    fix.got = fix.at + view.getUint16(o + 16, true) * 1000;
    fix.course = course === 0xffff ? null : course / 100;
    fix.speed = speed === 0xffff ? null : speed / 100;
    fix.accuracy = accuracy === 0xffff ? null : accuracy / 10;
    fix.battery = battery === 0xff ? null : battery / 100;
  }
}

/**
 * @param {ArrayBuffer} body
 * @returns {Frame} throws RangeError for anything that is no whole frame of format 1
 */
export function unpack(body) {
  const view = new DataView(body);
  if (body.byteLength < HEAD || view.getUint16(0, true) !== MAGIC || view.getUint8(2) !== 1) {
    throw new RangeError("not a frame of format 1");
  }
  const at = view.getFloat64(16, true);
  const count = view.getUint32(24, true);
  const rest = view.getUint32(28, true);
  const end = HEAD + count * MOVE;
  if (body.byteLength !== end + rest) throw new RangeError("a frame came in parts");
  return {
    epoch: view.getUint32(4, true),
    number: view.getUint32(8, true),
    unit: view.getUint32(12, true),
    at,
    moves: new Moves(view, at, count),
    rest: rest ? JSON.parse(text.decode(new Uint8Array(body, end, rest))) : {},
  };
}
