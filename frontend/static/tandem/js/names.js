/**
 * Names beside the marks of the map, each drawn once, placed anew with every frame of the stream.
 *
 * As the map's own symbols they would go through its workers and its placement every second, which
 * took as long as all the rest of a frame. Here the most urgent name comes first, each looks for room
 * below, above, right or left of its mark, and no two lie over each other. The map is never tilted.
 */

import { PLACING, SHEET_FRAGMENT, cornersOf, layout, place, program, uniformsOf } from "./instances.js";
import { mercatorX, mercatorY } from "./views.js";

const RATIO = 2; // the images' pixels a CSS px
const WIDE = 168; // px of the longest name; what is longer ends in "…"
const HIGH = 20;
const GUTTER = 1;
const SHEET = 2048; // px
const COLUMNS = Math.floor(SHEET / ((WIDE + 2 * GUTTER) * RATIO));
const ROWS = Math.floor(SHEET / ((HIGH + 2 * GUTTER) * RATIO));
// More than fit on a screen without touching.
export const MOST_NAMES = COLUMNS * ROWS;
const AWAY_PX = 14; // of the name's edge from the middle of its mark
const PAD_PX = 4;
const PER_NAME = 8; // floats: x, y, dx, dy, width, height, u, v

const VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 at;
layout(location = 2) in vec4 part;
${PLACING}
out vec2 texel;
void main() {
  // On whole pixels: letters between them are blurred.
  vec2 place = floor(placed(at.xy) + at.zw) + corner * part.xy;
  gl_Position = shown(place);
  texel = (part.zw + corner * part.xy * ${RATIO}.0) / ${SHEET}.0;
}`;

/** @typedef {{id: number, name: string, x: number, y: number}} Named x and y in mercator */

export class NameLayer {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.type = /** @type {const} */ ("custom");
    this.renderingMode = /** @type {const} */ ("2d");
    /** @type {Map<string, number>} place of each name on the sheet, the longest unused first */
    this.slots = new Map();
    /** @type {Set<string>} not yet on the graphics card */
    this.fresh = new Set();
    /** @type {Map<string, number>} px */
    this.widths = new Map();
    /** @type {Map<number, number>} the side on which somebody's name stood: it stays if it can */
    this.sides = new Map();
    this.names = new Float32Array(PER_NAME * MOST_NAMES);
    this.count = 0;
    this.changed = true;
    this.anchor = { x: 0, y: 0, lon: 0, lat: 0 };
    this.text = "#000000";
    this.ground = "#ffffff";
    /** @type {import("maplibre-gl").Map | null} */
    this.map = null;
    const canvas = document.createElement("canvas");
    canvas.width = WIDE * RATIO;
    canvas.height = HIGH * RATIO;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    this.pen = /** @type {CanvasRenderingContext2D} */ (pen);
    this.pen.scale(RATIO, RATIO);
    this.pen.font = `500 13px ${getComputedStyle(document.body).fontFamily}`;
    this.pen.textBaseline = "middle";
  }

  /** @param {string} text @param {string} ground colours of the letters and of what is under them */
  recolour(text, ground) {
    this.text = text;
    this.ground = ground;
    for (const name of this.slots.keys()) this.fresh.add(name);
    this.map?.triggerRepaint();
  }

  /**
   * @param {Named[]} named those to be read most first; as many are shown as there is room for
   * @param {{lng: number, lat: number}} middle of the map
   * @param {number} world how many px wide the world is
   */
  lay(named, middle, world) {
    this.anchor = {
      x: mercatorX(middle.lng),
      y: mercatorY(middle.lat),
      lon: middle.lng,
      lat: middle.lat,
    };
    const { anchor, names } = this;
    /** @type {Map<number, number>} */
    const sides = new Map();
    /** @type {number[]} left, top, right, bottom of what is placed */
    const taken = [];
    this.count = 0;
    for (const { id, name, x, y } of named.slice(0, MOST_NAMES)) {
      const width = this.width(name);
      const [dx, dy] = [x - anchor.x, y - anchor.y];
      const side = free(taken, dx * world, dy * world, width, this.sides.get(id) ?? 0);
      if (side < 0) continue;
      sides.set(id, side);
      const slot = this.slot(name);
      const [left, top] = corner(side, width);
      const at = this.count * PER_NAME;
      names[at] = dx;
      names[at + 1] = dy;
      names[at + 2] = left;
      names[at + 3] = top;
      names[at + 4] = width;
      names[at + 5] = HIGH;
      names[at + 6] = leftOf(slot);
      names[at + 7] = topOf(slot);
      this.count += 1;
    }
    this.sides = sides;
    this.changed = true;
    this.map?.triggerRepaint();
  }

  /** @param {string} name px */
  width(name) {
    let width = this.widths.get(name);
    if (width === undefined) {
      if (this.widths.size > 20_000) this.widths.clear();
      width = Math.min(WIDE, Math.ceil(this.pen.measureText(name).width) + 2 * PAD_PX);
      this.widths.set(name, width);
    }
    return width;
  }

  /** The name's place on the sheet; the one that was not used for longest makes room.
   * @param {string} name */
  slot(name) {
    let slot = this.slots.get(name);
    if (slot === undefined) {
      this.fresh.add(name);
      slot = this.slots.size;
      if (slot >= MOST_NAMES) {
        const [oldest, freed] = /** @type {[string, number]} */ (this.slots.entries().next().value);
        this.slots.delete(oldest);
        this.fresh.delete(oldest);
        slot = freed;
      }
    } else {
      this.slots.delete(name);
    }
    this.slots.set(name, slot);
    return slot;
  }

  /** @param {string} name */
  draw(name) {
    const { pen } = this;
    const width = this.width(name);
    pen.clearRect(0, 0, WIDE, HIGH);
    pen.globalAlpha = 0.82;
    pen.fillStyle = this.ground;
    pen.beginPath();
    pen.roundRect(0, 1, width, HIGH - 2, 4);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = this.text;
    let shown = name;
    for (let kept = [...name]; pen.measureText(shown).width > WIDE - 2 * PAD_PX; ) {
      kept = kept.slice(0, -1);
      shown = `${kept.join("")}…`;
    }
    pen.fillText(shown, PAD_PX, HIGH / 2 + 0.5);
    return pen.canvas;
  }

  /** @param {import("maplibre-gl").Map} map @param {WebGL2RenderingContext} gl */
  onAdd(map, gl) {
    this.map = map;
    this.program = program(gl, VERTEX, SHEET_FRAGMENT);
    this.uniforms = uniformsOf(gl, this.program, "sheet");
    this.buffer = gl.createBuffer();
    this.array = layout(gl, cornersOf(gl, 0, 1), this.buffer, [4, 4]);
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SHEET, SHEET);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    for (const name of this.slots.keys()) this.fresh.add(name);
    this.changed = true;
  }

  /** @param {WebGL2RenderingContext} gl */
  render(gl) {
    const { map, uniforms } = this;
    if (!map || !uniforms || !this.count) return;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture ?? null);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    for (const name of this.fresh) {
      const slot = /** @type {number} */ (this.slots.get(name));
      const image = this.draw(name);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, leftOf(slot), topOf(slot), gl.RGBA, gl.UNSIGNED_BYTE, image);
    }
    this.fresh.clear();
    if (this.changed) {
      this.changed = false;
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer ?? null);
      gl.bufferData(gl.ARRAY_BUFFER, this.names, gl.DYNAMIC_DRAW, 0, this.count * PER_NAME);
    }
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.useProgram(this.program ?? null);
    place(gl, uniforms, map, this.anchor);
    gl.uniform1i(uniforms.sheet, 0);
    gl.bindVertexArray(this.array ?? null);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count);
    gl.bindVertexArray(null);
  }
}

/** Pixel of a place on the sheet. @param {number} slot */
function leftOf(slot) {
  return ((slot % COLUMNS) * (WIDE + 2 * GUTTER) + GUTTER) * RATIO;
}

/** @param {number} slot */
function topOf(slot) {
  return (Math.floor(slot / COLUMNS) * (HIGH + 2 * GUTTER) + GUTTER) * RATIO;
}

/** Left and top of a name from the middle of its mark, px: below, above, right or left of it.
 * @param {number} side 0–3 @param {number} width @returns {[number, number]} */
function corner(side, width) {
  if (side === 0) return [-width / 2, AWAY_PX];
  if (side === 1) return [-width / 2, -AWAY_PX - HIGH];
  return [side === 2 ? AWAY_PX : -AWAY_PX - width, -HIGH / 2];
}

/**
 * The first side with room for a name, `first` before the others; it is taken then. -1: none.
 * @param {number[]} taken four numbers a name
 * @param {number} x px of the mark
 * @param {number} y
 * @param {number} width
 * @param {number} first
 */
function free(taken, x, y, width, first) {
  for (let i = 0; i < 4; i += 1) {
    const side = (first + i) % 4;
    const [dx, dy] = corner(side, width);
    const [left, top] = [x + dx, y + dy];
    const [right, bottom] = [left + width, top + HIGH];
    let room = true;
    for (let at = 0; room && at < taken.length; at += 4) {
      room =
        left >= taken[at + 2] || right <= taken[at] || top >= taken[at + 3] || bottom <= taken[at + 1];
    }
    if (room) {
      taken.push(left, top, right, bottom);
      return side;
    }
  }
  return -1;
}
