/**
 * How a person looks: shape first, then colour. Drawn once per look, used by map, list and legend.
 *
 * together ● filled, 2 or 3 notches · alone ○ open, with "!" when for too long · company unknown ● grey with a dot · parked ◆ ·
 * no signal ◌ hollow, dashed · SOS ▲ · square around it: on a hotspot · ring: age of the fix, a full
 * ring is new. Past the phone's own interval the fill goes and the outline stays.
 */

/** @typedef {import("./picture.js").Kind} Kind */
/** @typedef {{together: string, alone: string, hotspot: string, parked: string, lost: string,
 *    unknown: string, sos: string, edge: string, text: string}} Colours */
/** @typedef {{kind: Kind, group: number, hotspot: boolean, ring: number, hollow: boolean, long?: boolean}} Look
 * long: alone for too long */

export const SIZE = 34; // px of a mark's image, at pixel ratio 1
const RATIO = 2;
export const RINGS = 6; // steps of the ring

/** @returns {Colours} from tokens.css */
export function readColours() {
  const css = getComputedStyle(document.documentElement);
  /** @param {string} name @param {string} otherwise */
  const token = (name, otherwise) => css.getPropertyValue(name).trim() || otherwise;
  return {
    together: token("--together", "#009e73"),
    alone: token("--alone", "#e69f00"),
    hotspot: token("--hotspot", "#0072b2"),
    parked: token("--parked", "#56b4e9"),
    lost: token("--no-signal", "#8a8f98"),
    unknown: token("--no-signal", "#8a8f98"),
    sos: token("--sos", "#d55e00"),
    edge: token("--surface", "#ffffff"),
    text: token("--text", "#151c23"),
  };
}

/** @param {Look} look */
export function nameOf(look) {
  const group = look.kind === "together" ? Math.min(3, look.group) : 0;
  return `mark:${look.kind}:${group}:${look.hotspot ? 1 : 0}:${look.ring}:${look.hollow ? 1 : 0}:${look.long ? 1 : 0}`;
}

/** @param {string} name @returns {Look | null} */
export function lookOf(name) {
  const [mark, kind, group, hotspot, ring, hollow, long] = name.split(":");
  if (mark !== "mark") return null;
  return {
    kind: /** @type {Kind} */ (kind),
    group: Number(group),
    hotspot: hotspot === "1",
    ring: Number(ring),
    hollow: hollow === "1",
    long: long === "1",
  };
}

/**
 * The look of somebody now.
 * @param {import("./picture.js").View} view
 * @param {number} lostAfter s after which there is no signal
 * @returns {Look}
 */
export function lookAt(view, lostAfter) {
  const gone = view.kind === "lost" || view.kind === "waiting" || view.kind === "off";
  const left = view.age === null || gone ? 0 : Math.max(0, 1 - view.age / lostAfter);
  return {
    kind: view.kind,
    group: view.group,
    hotspot: Boolean(view.state?.hotspot) && !gone,
    ring: Math.ceil(left * RINGS),
    hollow: !view.fresh && !gone,
    long: view.long,
  };
}

/**
 * @param {Look} look
 * @param {Colours} colours
 * @returns {HTMLCanvasElement} SIZE × SIZE px at pixel ratio 2
 */
export function draw(look, colours) {
  const [canvas, c] = square();
  c.lineJoin = "round";
  const colour = colours[look.kind === "waiting" || look.kind === "off" ? "lost" : look.kind];
  if (look.hotspot) {
    outlined(c, colours.edge, colours.hotspot, 2.2, () => c.rect(-14.5, -14.5, 29, 29));
  }
  if (look.ring > 0) {
    const turn = (look.ring / RINGS) * 2 * Math.PI;
    outlined(c, colours.edge, colour, 1.8, () =>
      c.arc(0, 0, 11.2, -Math.PI / 2, -Math.PI / 2 + turn),
    );
  }
  shapes[look.kind](c, look, colour, colours);
  return canvas;
}

/**
 * A line with a light edge under it, to be seen on any ground.
 * @param {CanvasRenderingContext2D} c
 * @param {string} edge
 * @param {string} colour
 * @param {number} width
 * @param {() => void} path
 */
function outlined(c, edge, colour, width, path) {
  for (const [stroke, w] of /** @type {[string, number][]} */ ([
    [edge, width + 2.4],
    [colour, width],
  ])) {
    c.beginPath();
    path();
    c.strokeStyle = stroke;
    c.lineWidth = w;
    c.stroke();
  }
}

/**
 * A closed shape: filled when new, only its outline when the fix is old.
 * @param {CanvasRenderingContext2D} c
 * @param {Look} look
 * @param {string} colour
 * @param {Colours} colours
 * @param {() => void} path
 */
function solid(c, look, colour, colours, path) {
  c.beginPath();
  path();
  c.fillStyle = look.hollow ? colours.edge : colour;
  c.strokeStyle = look.hollow ? colour : colours.edge;
  c.lineWidth = look.hollow ? 2.2 : 1.6;
  c.fill();
  c.stroke();
}

/** @type {Record<Kind, (c: CanvasRenderingContext2D, look: Look, colour: string,
 *    colours: Colours) => void>} */
const shapes = {
  together(c, look, colour, colours) {
    solid(c, look, colour, colours, () => c.arc(0, 0, 7.6, 0, 2 * Math.PI));
    // Notches cut from the rim: as many as there are people.
    const notches = Math.max(2, Math.min(3, look.group));
    for (let i = 0; i < notches; i += 1) {
      const angle = -Math.PI / 2 + (i * 2 * Math.PI) / notches;
      c.save();
      c.rotate(angle);
      c.beginPath();
      c.moveTo(2.2, 0);
      c.lineTo(9.2, -3);
      c.lineTo(9.2, 3);
      c.closePath();
      c.fillStyle = look.hollow ? colour : colours.edge;
      c.fill();
      c.restore();
    }
  },
  alone(c, look, colour, colours) {
    c.beginPath();
    c.arc(0, 0, 6.4, 0, 2 * Math.PI);
    c.fillStyle = colours.edge;
    c.fill();
    outlined(c, colours.edge, colour, look.hollow ? 1.8 : 3.6, () =>
      c.arc(0, 0, 6.4, 0, 2 * Math.PI),
    );
    if (look.long) exclaim(c, colours.text);
  },
  unknown(c, look, colour, colours) {
    solid(c, look, colour, colours, () => c.arc(0, 0, 7.6, 0, 2 * Math.PI));
    c.beginPath();
    c.arc(0, 0, 2.3, 0, 2 * Math.PI);
    c.fillStyle = look.hollow ? colour : colours.edge;
    c.fill();
  },
  parked(c, look, colour, colours) {
    solid(c, look, colour, colours, () => {
      c.moveTo(0, -9.2);
      c.lineTo(9.2, 0);
      c.lineTo(0, 9.2);
      c.lineTo(-9.2, 0);
      c.closePath();
    });
  },
  lost: dashed,
  waiting: dashed,
  off(c, look, colour) {
    c.beginPath();
    c.arc(0, 0, 3, 0, 2 * Math.PI);
    c.fillStyle = colour;
    c.fill();
  },
  sos(c, look, colour, colours) {
    c.beginPath();
    c.moveTo(0, -11);
    c.lineTo(10.5, 8);
    c.lineTo(-10.5, 8);
    c.closePath();
    c.fillStyle = colour;
    c.strokeStyle = colours.edge;
    c.lineWidth = 2;
    c.fill();
    c.stroke();
    c.fillStyle = "#ffffff";
    c.fillRect(-1.3, -5, 2.6, 7);
    c.fillRect(-1.3, 3.6, 2.6, 2.4);
  },
};

/**
 * @param {CanvasRenderingContext2D} c
 * @param {Look} look
 * @param {string} colour
 * @param {Colours} colours
 */
function dashed(c, look, colour, colours) {
  c.beginPath();
  c.arc(0, 0, 8, 0, 2 * Math.PI);
  c.fillStyle = colours.edge;
  c.globalAlpha = look.kind === "waiting" ? 0 : 0.85;
  c.fill();
  c.globalAlpha = 1;
  c.setLineDash([3.4, 2.9]);
  c.lineWidth = 2;
  c.strokeStyle = colour;
  c.stroke();
  c.setLineDash([]);
}

/** "!", in the middle of a mark. @param {CanvasRenderingContext2D} c @param {string} colour */
function exclaim(c, colour) {
  c.fillStyle = colour;
  c.fillRect(-1, -4, 2, 4.8);
  c.fillRect(-1, 2, 2, 2);
}

/**
 * A small sign at the edge of a bubble: somebody in it needs a look, as their own mark would say.
 * @param {"long" | "silent"} need
 * @param {Colours} colours
 */
export function drawNeed(need, colours) {
  const [canvas, c] = square();
  const kind = need === "long" ? "alone" : "lost";
  c.beginPath();
  c.arc(0, 0, 10, 0, 2 * Math.PI);
  c.fillStyle = colours.edge;
  c.fill();
  const look = { kind: /** @type {Kind} */ (kind), group: 1, hotspot: false, ring: 0, hollow: false };
  shapes[kind](c, { ...look, long: need === "long" }, colours[kind], colours);
  return canvas;
}

/**
 * The wedge that shows where somebody walks, pointing up; it goes round the mark, not in its middle.
 * @param {Colours} colours
 */
export function drawWedge(colours) {
  const [canvas, c] = square();
  c.beginPath();
  c.moveTo(0, -3.75);
  c.lineTo(5, 3.75);
  c.lineTo(-5, 3.75);
  c.closePath();
  c.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--text-2") || "#555";
  c.strokeStyle = colours.edge;
  c.lineWidth = 1.5;
  c.stroke();
  c.fill();
  return canvas;
}

/**
 * A digit of a bubble's number.
 * @param {string} character
 * @param {Colours} colours
 */
export function digit(character, colours) {
  const [canvas, c] = square();
  c.font = `600 13px ${getComputedStyle(document.body).fontFamily}`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = colours.text;
  c.fillText(character, 0, 0.5);
  return canvas;
}

/** A bubble as the legend shows it: shares of alone, no signal and together, and a number.
 * @param {Colours} colours */
export function drawBubble(colours) {
  const [canvas, c] = square();
  const parts = /** @type {[string, number, number][]} */ ([
    [colours.alone, 0, 0.2],
    [colours.lost, 0.2, 0.35],
    [colours.together, 0.35, 1],
  ]);
  c.beginPath();
  c.arc(0, 0, 15, 0, 2 * Math.PI);
  c.fillStyle = colours.edge;
  c.fill();
  c.lineWidth = 4;
  for (const [colour, from, to] of parts) {
    c.beginPath();
    c.setLineDash(colour === colours.lost ? [2.6, 2.2] : []);
    c.arc(0, 0, 13, (from - 0.25) * 2 * Math.PI, (to - 0.25) * 2 * Math.PI);
    c.strokeStyle = colour;
    c.stroke();
  }
  c.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = colours.text;
  c.fillText("27", 0, 0.5);
  return canvas;
}

/** @returns {[HTMLCanvasElement, CanvasRenderingContext2D]} an empty image, its middle at 0, 0 */
function square() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE * RATIO;
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  c.scale(RATIO, RATIO);
  c.translate(SIZE / 2, SIZE / 2);
  return [canvas, c];
}

/** Red, green and blue, 0–1, of "#rrggbb". @param {string} colour */
export function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
}

/** @type {Map<string, string>} */
const urls = new Map();

/**
 * A look as an image for the page; forgotten when the colours change.
 * @param {Look} look
 * @param {Colours} colours
 */
export function urlOf(look, colours) {
  const name = nameOf(look);
  let url = urls.get(name);
  if (!url) {
    url = draw(look, colours).toDataURL();
    urls.set(name, url);
  }
  return url;
}

export function forgetUrls() {
  urls.clear();
}

/** @param {HTMLCanvasElement} canvas */
export function pixels(canvas) {
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  return c.getImageData(0, 0, canvas.width, canvas.height);
}
