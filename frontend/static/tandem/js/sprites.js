/**
 * Thousands of small images on the map, drawn by one instanced call from typed arrays.
 *
 * MapLibre's own symbols would be packed, sent to a worker and laid out anew for each frame of the
 * stream, which takes longer than a frame for 10,000 people. This layer writes their places into a
 * buffer and that is all. It draws two things: bubbles (a disc with a ring of shares, for clusters)
 * and over them images of one square size. The map is never tilted; it may be turned.
 */

import { PLACING, SHEET_FRAGMENT, cornersOf, layout, place, program, uniformsOf } from "./instances.js";
import { SIZE } from "./marks.js";
import { mercatorX, mercatorY } from "./views.js";

const RATIO = 2; // the images' pixels a CSS px
const GUTTER = 2;
const CELL = SIZE * RATIO + 2 * GUTTER;
const COLUMNS = 18;
const SHEET = COLUMNS * CELL; // px
const LEVELS = 3; // of mipmaps: further down the images would run into each other
const PER_IMAGE = 7; // floats: x, y, dx, dy, image, angle, scale
const PER_BUBBLE = 8; // floats: x, y, radius, five bounds of the ring's parts, 0–1

const IMAGE_VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec2 at;
layout(location = 2) in vec4 how;
layout(location = 3) in float scale;
${PLACING}
uniform float marks;
out vec2 texel;
void main() {
  vec2 place = placed(at);
  float c = cos(how.w), s = sin(how.w);
  float size = scale > 0.0 ? scale * marks : -scale;
  vec2 off = (corner * ${SIZE + (2 * GUTTER) / RATIO}.0 + how.xy) * size;
  place += vec2(off.x * c - off.y * s, off.x * s + off.y * c);
  gl_Position = shown(place);
  vec2 cell = vec2(mod(how.z, ${COLUMNS}.0), floor(how.z / ${COLUMNS}.0));
  texel = (cell + corner + 0.5) * ${CELL}.0 / ${SHEET}.0;
}`;

const BUBBLE_VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec2 at;
layout(location = 2) in vec4 radius_bounds;
layout(location = 3) in vec2 bounds_more;
${PLACING}
out vec2 from;
flat out float radius;
flat out float bounds[5];
void main() {
  vec2 place = placed(at);
  radius = radius_bounds.x;
  bounds = float[5](radius_bounds.y, radius_bounds.z, radius_bounds.w, bounds_more.x, bounds_more.y);
  from = corner * 2.0 * (radius + 2.0);
  place += from;
  gl_Position = shown(place);
}`;

// Parts of the ring, clockwise from the top; the second (no signal) is dashed, the fifth split.
const BUBBLE_FRAGMENT = `#version 300 es
precision highp float;
in vec2 from;
flat in float radius;
flat in float bounds[5];
uniform vec3 colours[5];
uniform vec3 ground;
out vec4 colour;
void main() {
  float away = length(from);
  float cover = clamp(radius + 1.5 - away, 0.0, 1.0);
  if (cover <= 0.0) discard;
  float angle = atan(from.x, -from.y) / 6.2831853;
  if (angle < 0.0) angle += 1.0;
  int part = 4;
  for (int i = 4; i >= 0; i--) if (angle < bounds[i]) part = i;
  vec3 ring = colours[part];
  float dash = fract(angle * radius * 6.2831853 / 5.0);
  if (part == 1 && dash > 0.55) ring = ground;
  float inRing = clamp(away - (radius - 4.5), 0.0, 1.0) * clamp(radius - away + 0.5, 0.0, 1.0);
  vec3 mixed = mix(ground, ring, inRing);
  colour = vec4(mixed, 1.0) * cover;
}`;

export class SpriteLayer {
  /**
   * @param {string} id
   * @param {(name: string) => HTMLCanvasElement} draw an image of SIZE px at pixel ratio 2
   */
  constructor(id, draw) {
    this.id = id;
    this.type = /** @type {const} */ ("custom");
    this.renderingMode = /** @type {const} */ ("2d");
    this.drawImage = draw;
    /** @type {Map<string, number>} place of each image on the sheet */
    this.slots = new Map();
    /** @type {Map<number, HTMLCanvasElement>} drawn and not yet on the graphics card, by place */
    this.fresh = new Map();
    this.images = new Float32Array(PER_IMAGE * 4096);
    this.imageCount = 0;
    this.bubbles = new Float32Array(PER_BUBBLE * 256);
    this.bubbleCount = 0;
    this.changed = true;
    /** what the places are relative to: float32 alone would be metres off */
    this.anchor = { x: 0, y: 0, lon: 0, lat: 0 };
    /** size of the marks at this zoom */
    this.marks = 1;
    /** @type {number[][]} rgb 0–1 of the five parts of a bubble's ring */
    this.parts = Array.from({ length: 5 }, () => [0, 0, 0]);
    this.ground = [1, 1, 1];
    /** how often it was drawn since the places were set; 0: what is set is not on the screen yet */
    this.draws = 0;
    /** @type {import("maplibre-gl").Map | null} */
    this.map = null;
    /** @type {WebGLProgram[]} */
    this.programs = [];
  }

  /** Draw every image again: the colours have changed. */
  redraw() {
    for (const [name, slot] of this.slots) this.fresh.set(slot, this.drawImage(name));
    this.map?.triggerRepaint();
  }

  /** @param {string} name @returns {number} the image's place on the sheet, drawn if it is new */
  slot(name) {
    let slot = this.slots.get(name);
    if (slot === undefined) {
      slot = this.slots.size;
      this.slots.set(name, slot);
      this.fresh.set(slot, this.drawImage(name));
    }
    return slot;
  }

  /** Begin anew, with places near `lon`, `lat`. @param {number} lon @param {number} lat */
  begin(lon, lat) {
    this.anchor = { x: mercatorX(lon), y: mercatorY(lat), lon, lat };
    this.imageCount = 0;
    this.bubbleCount = 0;
  }

  /**
   * @param {number} x mercator
   * @param {number} y
   * @param {number} dx offset in px of the image's own scale, turned with it
   * @param {number} dy
   * @param {number} slot
   * @param {number} angle radians clockwise
   * @param {number} scale above 0 it grows with the marks of the zoom; below it is a fixed size
   */
  image(x, y, dx, dy, slot, angle, scale) {
    let at = this.imageCount * PER_IMAGE;
    if (at + PER_IMAGE > this.images.length) this.images = grown(this.images);
    const { images } = this;
    images[at] = x - this.anchor.x;
    images[(at += 1)] = y - this.anchor.y;
    images[(at += 1)] = dx;
    images[(at += 1)] = dy;
    images[(at += 1)] = slot;
    images[(at += 1)] = angle;
    images[at + 1] = scale;
    this.imageCount += 1;
  }

  /** @param {number} x @param {number} y @param {number} radius px @param {number[]} shares */
  bubble(x, y, radius, shares) {
    const at = this.bubbleCount * PER_BUBBLE;
    if (at + PER_BUBBLE > this.bubbles.length) this.bubbles = grown(this.bubbles);
    this.bubbles.set([x - this.anchor.x, y - this.anchor.y, radius], at);
    let sum = 0;
    for (let i = 0; i < 5; i += 1) {
      sum += shares[i];
      this.bubbles[at + 3 + i] = sum;
    }
    this.bubbleCount += 1;
  }

  /** Show what was set since `begin`. */
  end() {
    this.changed = true;
    this.draws = 0;
    this.map?.triggerRepaint();
  }

  /** @param {import("maplibre-gl").Map} map @param {WebGL2RenderingContext} gl */
  onAdd(map, gl) {
    this.map = map;
    this.programs = [
      program(gl, BUBBLE_VERTEX, BUBBLE_FRAGMENT),
      program(gl, IMAGE_VERTEX, SHEET_FRAGMENT),
    ];
    const corners = cornersOf(gl, -0.5, 0.5);
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, LEVELS, gl.RGBA8, SHEET, SHEET);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    for (const [name, slot] of this.slots) this.fresh.set(slot, this.drawImage(name));
    this.buffers = [gl.createBuffer(), gl.createBuffer()];
    this.arrays = [
      layout(gl, corners, this.buffers[0], [2, 4, 2]),
      layout(gl, corners, this.buffers[1], [2, 4, 1]),
    ];
    this.uniforms = this.programs.map((used) =>
      uniformsOf(gl, used, "marks", "sheet", "colours", "ground"),
    );
    this.changed = true;
  }

  /** @param {WebGL2RenderingContext} gl */
  upload(gl) {
    if (this.fresh.size) {
      gl.bindTexture(gl.TEXTURE_2D, this.texture ?? null);
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
      gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
      for (const [slot, image] of this.fresh) {
        const x = (slot % COLUMNS) * CELL + GUTTER;
        const y = Math.floor(slot / COLUMNS) * CELL + GUTTER;
        gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, gl.RGBA, gl.UNSIGNED_BYTE, image);
      }
      this.fresh.clear();
      gl.generateMipmap(gl.TEXTURE_2D);
    }
    if (this.changed && this.buffers) {
      this.changed = false;
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[0]);
      gl.bufferData(gl.ARRAY_BUFFER, this.bubbles, gl.DYNAMIC_DRAW, 0, this.bubbleCount * PER_BUBBLE);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[1]);
      gl.bufferData(gl.ARRAY_BUFFER, this.images, gl.DYNAMIC_DRAW, 0, this.imageCount * PER_IMAGE);
    }
  }

  /** @param {WebGL2RenderingContext} gl */
  render(gl) {
    const { map } = this;
    if (!map || !this.arrays) return;
    this.upload(gl);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture ?? null);
    [this.bubbleCount, this.imageCount].forEach((count, i) => {
      if (!count) return;
      const uniform = /** @type {NonNullable<typeof this.uniforms>} */ (this.uniforms)[i];
      gl.useProgram(this.programs[i]);
      place(gl, uniform, map, this.anchor);
      gl.uniform1f(uniform.marks, this.marks);
      gl.uniform1i(uniform.sheet, 0);
      gl.uniform3fv(uniform.colours, this.parts.flat());
      gl.uniform3fv(uniform.ground, this.ground);
      gl.bindVertexArray(/** @type {WebGLVertexArrayObject[]} */ (this.arrays)[i]);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    });
    gl.bindVertexArray(null);
    this.draws += 1;
  }
}

/** @param {Float32Array<ArrayBuffer>} array */
function grown(array) {
  const more = new Float32Array(array.length * 2);
  more.set(array);
  return more;
}
