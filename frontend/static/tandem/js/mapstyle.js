/**
 * What the map looks like: the layers, drawn in the colours of tokens.css. No state, no fetching.
 *
 * Tiles say of each street its `class`: major, medium, minor or path.
 */

/** @typedef {import("maplibre-gl").LayerSpecification} Layer */

/**
 * @typedef {object} Palette
 * @property {boolean} dark
 * @property {string} land
 * @property {string} street fill of a street
 * @property {string} major fill of a main street
 * @property {string} casing edge of a street
 * @property {string} thin a street so far out that it is a hairline
 * @property {string} text
 * @property {string} halo behind text
 * @property {string} area outline of beats and jurisdictions
 * @property {string} hotspot
 * @property {string} station outline of a station and its name
 * @property {string} stationFill
 * @property {string} route
 */

/**
 * The colours of the page as it stands now.
 * @param {boolean} dark
 * @returns {Palette}
 */
export function readPalette(dark) {
  const css = getComputedStyle(document.documentElement);
  /** @param {string} name @param {string} otherwise */
  const token = (name, otherwise) => css.getPropertyValue(name).trim() || otherwise;
  return {
    dark,
    land: token("--map-ground", dark ? "#10161b" : "#f3f4f2"),
    street: token("--map-street", dark ? "#2a343d" : "#ffffff"),
    major: token("--map-street-major", dark ? "#3a4651" : "#ffffff"),
    casing: token("--map-street-edge", dark ? "#1b232a" : "#cfd4d8"),
    thin: dark ? token("--map-street", "#2a343d") : token("--map-street-edge", "#cfd4d8"),
    text: token("--map-label", dark ? "#b8c3cc" : "#3d4852"),
    halo: token("--map-label-halo", dark ? "#10161b" : "#ffffff"),
    area: token("--map-area", dark ? "#6c7884" : "#7b8794"),
    hotspot: token("--hotspot", dark ? "#3d9bd6" : "#0072b2"),
    station: token("--text-2", dark ? "#a3afba" : "#515c67"),
    stationFill: token("--surface", dark ? "#141a20" : "#ffffff"),
    route: token("--text-2", dark ? "#a3afba" : "#515c67"),
  };
}

/**
 * Width of a street in px by zoom and class; `extra` is added for the casing.
 * @param {number} extra
 * @returns {any}
 */
function width(extra) {
  /** @param {number} major @param {number} medium @param {number} minor @param {number} path */
  const step = (major, medium, minor, path) => [
    "match",
    ["get", "class"],
    "major",
    major + extra,
    "medium",
    medium + extra,
    "path",
    path + extra,
    minor + extra,
  ];
  // prettier-ignore
  return [
    "interpolate", ["exponential", 1.5], ["zoom"],
    9, step(1, 0.5, 0.3, 0.2),
    12, step(2, 1.2, 0.8, 0.4),
    14, step(5, 3.6, 2.6, 1),
    16, step(12, 9.5, 8, 2.5),
    19, step(48, 40, 34, 8),
  ];
}

/**
 * Land, streets and their names.
 * @param {Palette} palette
 * @param {boolean} chinese names as on the sign; else the English name where there is one
 * @param {string[]} fonts
 * @returns {Layer[]}
 */
export function baseLayers(palette, chinese, fonts) {
  const name = chinese
    ? ["coalesce", ["get", "name"], ["get", "name_en"], ""]
    : [
        "case",
        ["!=", ["coalesce", ["get", "name_en"], ""], ""],
        ["get", "name_en"],
        ["coalesce", ["get", "name"], ""],
      ];
  const order = ["match", ["get", "class"], "major", 3, "medium", 2, "path", 0, 1];
  return /** @type {Layer[]} */ ([
    { id: "land", type: "background", paint: { "background-color": palette.land } },
    {
      id: "street-casing",
      type: "line",
      source: "streets",
      "source-layer": "streets",
      minzoom: 13,
      filter: ["!=", ["get", "class"], "path"],
      layout: { "line-cap": "round", "line-join": "round", "line-sort-key": order },
      paint: { "line-color": palette.casing, "line-width": width(2) },
    },
    {
      id: "streets",
      type: "line",
      source: "streets",
      "source-layer": "streets",
      layout: { "line-cap": "round", "line-join": "round", "line-sort-key": order },
      paint: {
        "line-color": [
          "step",
          ["zoom"],
          palette.thin,
          13,
          ["match", ["get", "class"], "major", palette.major, "path", palette.thin, palette.street],
        ],
        "line-width": width(0),
      },
    },
    {
      id: "street-names",
      type: "symbol",
      source: "streets",
      "source-layer": "streets",
      minzoom: 13.5,
      layout: {
        "symbol-placement": "line",
        "symbol-spacing": 320,
        "symbol-sort-key": ["-", 3, order],
        "text-field": name,
        "text-font": fonts,
        "text-size": ["interpolate", ["linear"], ["zoom"], 14, 11, 18, 14],
        "text-max-angle": 35,
        "text-padding": 6,
      },
      paint: {
        "text-color": palette.text,
        "text-halo-color": palette.halo,
        "text-halo-width": 1.4,
      },
    },
  ]);
}

/**
 * The bureau's places, bottom first, by the name of their source.
 * @param {Palette} palette
 * @param {string[]} fonts
 * @returns {{areas: Layer[], routes: Layer[], hotspots: Layer[], stations: Layer[]}}
 */
export function overlayLayers(palette, fonts) {
  return /** @type {any} */ ({
    areas: [
      {
        id: "areas-line",
        type: "line",
        source: "areas",
        "source-layer": "areas",
        layout: { "line-join": "round" },
        paint: {
          "line-color": palette.area,
          "line-width": ["match", ["get", "kind"], "jurisdiction", 2, "grid_cell", 0.7, 1.2],
          "line-opacity": 0.75,
          "line-dasharray": ["literal", [4, 2.5]],
        },
      },
      {
        id: "areas-name",
        type: "symbol",
        source: "areas",
        "source-layer": "areas",
        minzoom: 12,
        maxzoom: 15,
        filter: ["!=", ["get", "kind"], "jurisdiction"],
        layout: {
          "text-field": ["get", "name"],
          "text-font": fonts,
          "text-size": 12,
          "text-max-width": 8,
        },
        paint: {
          "text-color": palette.area,
          "text-halo-color": palette.halo,
          "text-halo-width": 1.4,
        },
      },
    ],
    routes: [
      {
        id: "routes-line",
        type: "line",
        source: "routes",
        "source-layer": "routes",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: {
          "line-color": palette.route,
          "line-width": ["interpolate", ["linear"], ["zoom"], 12, 1.2, 17, 3],
          "line-opacity": 0.8,
          "line-dasharray": ["literal", [1, 2]],
        },
      },
    ],
    hotspots: [
      {
        id: "hotspots-line",
        type: "line",
        source: "hotspots",
        "source-layer": "hotspots",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: {
          "line-color": palette.hotspot,
          "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 11, 2, 14, 6, 17, 18],
          "line-opacity": 0.28,
        },
      },
      {
        id: "hotspots-name",
        type: "symbol",
        source: "hotspots",
        "source-layer": "hotspots",
        minzoom: 14.5,
        layout: {
          "symbol-placement": "line-center",
          "text-field": ["get", "name"],
          "text-font": fonts,
          "text-size": 12,
          "text-offset": ["literal", [0, 1.3]],
        },
        paint: {
          "text-color": palette.hotspot,
          "text-halo-color": palette.halo,
          "text-halo-width": 1.4,
        },
      },
    ],
    stations: [
      {
        id: "stations-mark",
        type: "symbol",
        source: "stations",
        "source-layer": "stations",
        minzoom: 11,
        filter: ["get", "open"],
        layout: {
          "icon-image": [
            "match",
            ["get", "kind"],
            "post_house", "station-post_house",
            "kiosk", "station-kiosk",
            "community_point", "station-community_point",
            "station-service_window",
          ],
          "icon-size": ["interpolate", ["linear"], ["zoom"], 11, 0.6, 15, 1],
          "icon-allow-overlap": true,
          "text-field": ["step", ["zoom"], "", 15, ["get", "name"]],
          "text-font": fonts,
          "text-size": 12,
          "text-anchor": "top",
          "text-offset": ["literal", [0, 0.9]],
          "text-optional": true,
        },
        paint: {
          "text-color": palette.station,
          "text-halo-color": palette.halo,
          "text-halo-width": 1.4,
        },
      },
    ],
  });
}

/**
 * One small building per kind of station, by outline: house, kiosk with an awning, round point,
 * window. 20 px at pixel ratio 2.
 * @param {Palette} palette
 * @returns {Record<string, ImageData>}
 */
export function stationImages(palette) {
  /** @type {Record<string, (c: CanvasRenderingContext2D) => void>} */
  const outlines = {
    post_house: (c) => {
      c.moveTo(4, 18);
      c.lineTo(20, 5);
      c.lineTo(36, 18);
      c.lineTo(36, 35);
      c.lineTo(4, 35);
      c.closePath();
    },
    kiosk: (c) => {
      c.moveTo(8, 6);
      c.lineTo(32, 6);
      c.lineTo(37, 17);
      c.lineTo(32, 17);
      c.lineTo(32, 35);
      c.lineTo(8, 35);
      c.lineTo(8, 17);
      c.lineTo(3, 17);
      c.closePath();
    },
    community_point: (c) => c.roundRect(5, 5, 30, 30, 11),
    service_window: (c) => c.rect(6, 6, 28, 28),
  };
  /** @type {Record<string, [number, number, number, number]>} doors and windows */
  const openings = {
    post_house: [16, 23, 8, 12],
    kiosk: [13, 22, 14, 5],
    community_point: [17, 17, 6, 6],
    service_window: [12, 18, 16, 4],
  };
  /** @type {Record<string, ImageData>} */
  const images = {};
  for (const [kind, outline] of Object.entries(outlines)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 40;
    const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    c.lineJoin = "round";
    c.beginPath();
    outline(c);
    c.fillStyle = palette.stationFill;
    c.fill();
    c.lineWidth = 3.5;
    c.strokeStyle = palette.station;
    c.stroke();
    c.fillStyle = palette.station;
    c.fillRect(...openings[kind]);
    images[`station-${kind}`] = c.getImageData(0, 0, 40, 40);
  }
  return images;
}
