/**
 * What the map looks like: two palettes and the layers drawn with them. No state, no fetching.
 *
 * Street kinds are OpenStreetMap's `highway` values, as the import keeps them.
 */

/** @typedef {import("maplibre-gl").LayerSpecification} Layer */

/**
 * @typedef {object} Palette
 * @property {"light" | "dark"} name
 * @property {string} land
 * @property {string} street fill of a street
 * @property {string} major fill of a main street
 * @property {string} casing edge of a street
 * @property {string} footway
 * @property {string} text
 * @property {string} faint secondary text
 * @property {string} halo behind text
 * @property {string} area outline of beats and jurisdictions
 * @property {string} hotspot
 * @property {string} station
 * @property {string} stationFill
 * @property {string} route
 */

/** @type {Palette} */
export const LIGHT = {
  name: "light",
  land: "#f3f2ee",
  street: "#ffffff",
  major: "#ffffff",
  casing: "#d5d2c9",
  footway: "#d9d6cd",
  text: "#4a4d52",
  faint: "#6c7076",
  halo: "#ffffffe0",
  area: "#7d6a8f",
  hotspot: "#0072b2",
  station: "#2f5f7d",
  stationFill: "#ffffff",
  route: "#5b6b2f",
};

/** @type {Palette} */
export const DARK = {
  name: "dark",
  land: "#14181c",
  street: "#2c333a",
  major: "#39424b",
  casing: "#0d1013",
  footway: "#262c32",
  text: "#b4bbc3",
  faint: "#8d959d",
  halo: "#14181ce0",
  area: "#a795b8",
  hotspot: "#4aa8dc",
  station: "#9cc7e2",
  stationFill: "#1d242a",
  route: "#a9b973",
};

const MAIN = ["trunk", "primary", "secondary", "trunk_link", "primary_link", "secondary_link"];
const MIDDLE = ["tertiary", "tertiary_link", "unclassified", "road", "street"];
const FOOT = ["footway", "path", "steps", "track", "cycleway", "bridleway", "pedestrian", "service"];

/**
 * Width of a street in px by zoom and kind; `extra` is added for the casing.
 * @param {number} extra
 * @returns {any}
 */
function width(extra) {
  /** @param {number} main @param {number} middle @param {number} small @param {number} foot */
  const step = (main, middle, small, foot) => [
    "match",
    ["get", "kind"],
    MAIN,
    main + extra,
    MIDDLE,
    middle + extra,
    FOOT,
    foot + extra,
    small + extra,
  ];
  return [
    "interpolate",
    ["exponential", 1.5],
    ["zoom"],
    9, step(0.8, 0.4, 0.2, 0.1),
    12, step(2, 1.2, 0.7, 0.4),
    14, step(4.5, 3.2, 2.2, 1.2),
    16, step(11, 9, 7, 3),
    19, step(44, 38, 32, 12),
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
  const order = ["match", ["get", "kind"], MAIN, 3, MIDDLE, 2, FOOT, 0, 1];
  return /** @type {Layer[]} */ ([
    { id: "land", type: "background", paint: { "background-color": palette.land } },
    {
      id: "street-casing",
      type: "line",
      source: "streets",
      "source-layer": "streets",
      minzoom: 13,
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
          palette.casing,
          13,
          ["match", ["get", "kind"], MAIN, palette.major, FOOT, palette.footway, palette.street],
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
        layout: { "line-join": "round" },
        paint: {
          "line-color": palette.area,
          "line-width": ["match", ["get", "kind"], "jurisdiction", 2, 1.2],
          "line-opacity": 0.75,
          "line-dasharray": ["literal", [4, 2.5]],
        },
      },
      {
        id: "areas-name",
        type: "symbol",
        source: "areas",
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
        minzoom: 11,
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
    c.fillRect(kind === "service_window" ? 12 : 17, kind === "service_window" ? 18 : 24, kind === "service_window" ? 16 : 6, kind === "service_window" ? 4 : 11);
    images[`station-${kind}`] = c.getImageData(0, 0, 40, 40);
  }
  return images;
}
