/**
 * What the map's own layers of small pictures share: one shape drawn many times by one call, each at
 * a place of its own. Places are mercator, from an anchor nearby: float32 alone would be metres off.
 * The map is never tilted; it may be turned.
 */

/** GLSL: where a place is, in px of the view, and such px as the graphics card wants them. */
export const PLACING = `
uniform vec2 anchor;
uniform vec2 view;
uniform vec2 turn;
uniform float world;
vec2 placed(vec2 at) {
  vec2 far = at * world;
  return anchor + vec2(far.x * turn.x - far.y * turn.y, far.x * turn.y + far.y * turn.x);
}
vec4 shown(vec2 px) {
  return vec4(px.x / view.x * 2.0 - 1.0, 1.0 - px.y / view.y * 2.0, 0.0, 1.0);
}`;

/** A pixel of a sheet of pictures. */
export const SHEET_FRAGMENT = `#version 300 es
precision mediump float;
in vec2 texel;
uniform sampler2D sheet;
out vec4 colour;
void main() { colour = texture(sheet, texel); }`;

/** @param {WebGL2RenderingContext} gl @param {string} vertex @param {string} fragment */
export function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, source] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) {
    throw new Error(gl.getProgramInfoLog(made) ?? "the marks' program was not accepted");
  }
  return made;
}

/**
 * Where the program's uniforms are, those of `PLACING` and these.
 * @param {WebGL2RenderingContext} gl @param {WebGLProgram} used @param {string[]} more
 * @returns {Record<string, WebGLUniformLocation | null>}
 */
export function uniformsOf(gl, used, ...more) {
  const names = ["anchor", "view", "turn", "world", ...more];
  return Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(used, name)]));
}

/**
 * Say where the map is to the program in use.
 * @param {WebGL2RenderingContext} gl
 * @param {Record<string, WebGLUniformLocation | null>} uniforms
 * @param {import("maplibre-gl").Map} map
 * @param {{lon: number, lat: number}} anchor
 */
export function place(gl, uniforms, map, anchor) {
  const box = map.getCanvas();
  const at = map.project([anchor.lon, anchor.lat]);
  const bearing = (-map.getBearing() * Math.PI) / 180;
  gl.uniform2f(uniforms.anchor, at.x, at.y);
  gl.uniform2f(uniforms.view, box.clientWidth, box.clientHeight);
  gl.uniform2f(uniforms.turn, Math.cos(bearing), Math.sin(bearing));
  gl.uniform1f(uniforms.world, 512 * 2 ** map.getZoom());
}

/**
 * The corners of the shape, for a strip of two triangles.
 * @param {WebGL2RenderingContext} gl @param {number} least @param {number} most
 */
export function cornersOf(gl, least, most) {
  const corners = gl.createBuffer();
  const square = [least, least, most, least, least, most, most, most];
  gl.bindBuffer(gl.ARRAY_BUFFER, corners);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(square), gl.STATIC_DRAW);
  return corners;
}

/**
 * The layout of a buffer of records, one for each shape.
 * @param {WebGL2RenderingContext} gl
 * @param {WebGLBuffer} corners
 * @param {WebGLBuffer} buffer
 * @param {number[]} sizes floats of each attribute, in the order of a record
 */
export function layout(gl, corners, buffer, sizes) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, corners);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  const stride = 4 * sizes.reduce((a, b) => a + b);
  let offset = 0;
  sizes.forEach((size, i) => {
    gl.enableVertexAttribArray(i + 1);
    gl.vertexAttribPointer(i + 1, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(i + 1, 1);
    offset += 4 * size;
  });
  gl.bindVertexArray(null);
  return array;
}
